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
    asked = {
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
        [sys.executable, "-m", __name__, json.dumps(asked)],
        env=environment | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return {name: {int(batch): value for batch, value in each.items()} for name, each in found.items()}


def _measure_here(asked: dict) -> dict[str, dict[int, dict[str, float]]]:
    if asked["threads"] == 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    found: dict[str, dict[int, dict[str, float]]] = {}
    for name, paths in asked["pairs"].items():
        loaded = [load_policy(path, threads=asked["threads"]) for path in paths]
        pair = [policy for policy in loaded if isinstance(policy, Policy)]  # both: reports are of games
        found[name] = {}
        for batch in asked["batches"]:
            seconds = asked["seconds"] if batch > 1 and asked["seconds"] else math.inf
            times = _take_turns(pair, batch, asked["runs"], seconds)
            pruned, dense = map(float, np.median(times, axis=0))
            found[name][batch] = {"pruned": pruned, "dense": dense, "runs": len(times)}
    return found


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
            began = time.perf_counter()
            policy.q_values(observations)
            row.append(1000 * (time.perf_counter() - began))
        times.append(row)
    return times[WARM_UP:]


if __name__ == "__main__":
    print(json.dumps(_measure_here(json.loads(sys.argv[1]))))
