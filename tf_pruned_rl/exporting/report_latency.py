"""Measures how long policies take, in a process of their own: TensorFlow takes its threads but once."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from tf_pruned_rl.policies.policy import Policy, load_policy

WARM_UP = 3
"""Runs of each policy before those that count."""


def measure(
    pairs: Mapping[str, tuple[Path, Path]],
    *,
    batches: Sequence[int],
    threads: int,
    runs: int,
    seconds: float = 0,
) -> dict[str, dict[int, dict[str, float]]]:
    """Returns {name: {batch: {"pruned", "dense", "runs"}}}: the milliseconds of two policies that take turns.

    They are medians. Two at a time, as more would keep each other's weights out of the caches.

    Args:
      pairs: {name: directories of a policy and of its dense twin}, all of one game.
      batches: observations at a time.
      threads: of each; 1 is also kept on one core.
      runs: of each.
      seconds: that a pair may take with batches of more than one, though there are fewer runs then;
        0 is as long as it takes.
    """
    request = {
        "pairs": {name: list(map(str, pair)) for name, pair in pairs.items()},
        "batches": list(batches),
        "threads": threads,
        "runs": runs,
        "seconds": seconds,
    }
    environment = os.environ | {
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "OMP_NUM_THREADS": str(threads),
    }
    done = subprocess.run(
        [sys.executable, "-m", __name__, json.dumps(request)],
        env=environment | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    latencies = json.loads(done.stdout.splitlines()[-1])
    return {name: {int(batch): value for batch, value in each.items()} for name, each in latencies.items()}


def _measure_here(request: dict) -> dict[str, dict[int, dict[str, float]]]:
    if request["threads"] == 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    latencies: dict[str, dict[int, dict[str, float]]] = {}
    for name, paths in request["pairs"].items():
        pair = [cast(Policy, load_policy(path, threads=request["threads"])) for path in paths]
        latencies[name] = {}
        for batch in request["batches"]:
            seconds = request["seconds"] if batch > 1 and request["seconds"] else math.inf
            times = _take_turns(pair, batch, request["runs"], seconds)
            pruned, dense = map(float, np.median(times, axis=0))
            latencies[name][batch] = {"pruned": pruned, "dense": dense, "runs": len(times)}
    return latencies


def _take_turns(policies: Sequence[Policy], batch: int, runs: int, seconds: float) -> list[list[float]]:
    """Returns the milliseconds of each policy, a row for each turn."""
    times: list[list[float]] = []
    rng = np.random.default_rng(0)
    for turn in range(WARM_UP + runs):
        if turn == WARM_UP:
            end = time.perf_counter() + seconds
        elif turn > WARM_UP and time.perf_counter() > end:
            break
        row = []
        for policy in policies:
            observations = rng.integers(0, 256, (batch, *policy.observation_shape), dtype=np.uint8)
            start = time.perf_counter()
            policy.q_values(observations)
            row.append(1000 * (time.perf_counter() - start))
        times.append(row)
    return times[WARM_UP:]


if __name__ == "__main__":
    print(json.dumps(_measure_here(json.loads(sys.argv[1]))))
