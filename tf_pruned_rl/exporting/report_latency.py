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
    policies: Mapping[str, Path], *, batches: Sequence[int], threads: int, runs: int, seconds: float = 0
) -> dict[str, dict[int, dict[str, float]]]:
    """Returns {name: {batch: {"ms", "runs"}}}: the median of runs in which all policies take turns.

    Args:
      policies: {name: directory}, of one game.
      batches: observations at a time.
      threads: of each; 1 is also kept on one core.
      runs: of each.
      seconds: fewer runs of batches of more than one, if they take longer; 0 is as long as it takes.
    """
    asked = {
        "policies": {name: str(path) for name, path in policies.items()},
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
    loaded = {name: load_policy(path, threads=asked["threads"]) for name, path in asked["policies"].items()}
    found: dict[str, dict[int, dict[str, float]]] = {name: {} for name in loaded}
    rng = np.random.default_rng(0)
    for batch in asked["batches"]:
        times: dict[str, list[float]] = {name: [] for name in loaded}
        limit = asked["seconds"] if batch > 1 and asked["seconds"] else math.inf
        started = time.perf_counter()
        for run in range(WARM_UP + asked["runs"]):
            if run > WARM_UP and time.perf_counter() - started > limit:
                break
            for name, policy in loaded.items():
                assert isinstance(policy, Policy)
                observations = rng.integers(0, 256, (batch, *policy.observation_shape), dtype=np.uint8)
                began = time.perf_counter()
                policy.q_values(observations)
                if run >= WARM_UP:
                    times[name].append(1000 * (time.perf_counter() - began))
        for name, each in times.items():
            found[name][batch] = {"ms": float(np.median(each)), "runs": len(each)}
    return found


if __name__ == "__main__":
    print(json.dumps(_measure_here(json.loads(sys.argv[1]))))
