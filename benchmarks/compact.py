"""Measures what pruning whole channels makes of a network: bytes, and latency at batch 1 on one core.

    python benchmarks/compact.py --width=3 --sparsity=0.8

The dense network and those that are left of it, pruned at once and exported as compact, take turns in one
process, in TensorFlow and in TensorFlow Lite: the files that export.py writes, loaded as evaluate.py loads
them. Weights are random: neither size nor latency depends on their values.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib.metadata
import importlib.util
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from measuring import machine

from tf_pruned_rl import config, networks
from tf_pruned_rl.exporting import formats
from tf_pruned_rl.exporting.saved_model import Trained
from tf_pruned_rl.policies import policy_json
from tf_pruned_rl.policies.policy import Policy, load_policy
from tf_pruned_rl.policies.policy_json import TrainingFacts
from tf_pruned_rl.pruning import Pruner, kernels, summaries
from tf_pruned_rl.registry import NETWORKS

STRUCTURES: dict[str, dict[str, Any]] = {
    "channel": {},
    "channel, dense layers block 16x1": {"dense_shape": "block", "block": "16x1", "dense_sparsity": 0.95},
}
FORMATS = {
    True: {"TensorFlow": "saved_model", "TensorFlow Lite": "tflite"},
    False: {"TensorFlow": "compact", "TensorFlow Lite": "compact_tflite"},
}
"""{whether it is dense: {runtime: format}}"""


def parse_flags(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Returns the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--network", choices=NETWORKS.names("offline"), default="impala")
    add("--width", type=float, default=3.0, help="of the network")
    add("--sparsity", type=float, default=0.8, help="share of each stream's channels that goes")
    add("--runs", type=int, default=250, help="of each network, in turns")
    add("--out", type=Path, help="JSON file; by default benchmarks/results/compact.json")
    return parser.parse_args(arguments)


def pruned(flags: argparse.Namespace) -> dict[str, Trained]:
    """Returns {name: policy}: the dense one, and one pruned by each structure."""
    experiment = config.replace(
        config.ExperimentConfig(), network=flags.network, width=flags.width, game="Breakout"
    )
    actions = ("NOOP", "FIRE", "RIGHT", "LEFT")
    made = {}
    for name, settings in {"dense": None, **STRUCTURES}.items():
        tf_keras.utils.set_random_seed(0)
        model = networks.build(experiment.network, num_actions=len(actions))
        if settings is not None:
            pruner = Pruner(
                model,
                **{"sparsity": flags.sparsity, "distribution": "uniform", "shape": "channel", **settings},
                begin_step=1,
                end_step=2,
            )
            pruner.after_gradient_step(2)
        rows = summaries.table(kernels.find(model))
        made[name] = Trained(model, experiment, actions, rows, 0.0, TrainingFacts(0, 0, 0))
    return made


def measure(flags: argparse.Namespace) -> list[dict[str, Any]]:
    """Returns a row for each network in each runtime."""
    frames = np.random.default_rng(1).integers(0, 256, (16, 84, 84, 4), dtype=np.uint8)
    rows, calls = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, trained in pruned(flags).items():
            expected = trained.model(frames).numpy()
            for runtime, kind in FORMATS[name == "dense"].items():
                written = formats.write(trained, Path(folder) / "policy", kind)
                policy = load_policy(Path(folder) / "policy")
                assert isinstance(policy, Policy)
                found = np.concatenate([policy.q_values(frame[None]) for frame in frames])
                rows.append(
                    {
                        "runtime": runtime,
                        "network": name,
                        "parameters": written["parameters"],
                        "bytes": policy_json.size(written)["raw"],
                        "bytes_gzipped": policy_json.size(written)["gzip"],
                        "difference": float(np.abs(found - expected).max() / np.abs(expected).max()),
                    }
                )
                calls.append(functools.partial(policy.q_values, frames[:1]))
    for row, seconds in zip(rows, take_turns(calls, flags.runs), strict=True):
        row["median_ms"] = 1e3 * statistics.median(seconds)
        row["quartiles_ms"] = [1e3 * value for value in np.quantile(seconds, (0.25, 0.75))]
    return rows


def interpreter() -> str:
    """Returns the package whose TensorFlow Lite interpreter was measured, and its version."""
    names = [
        name for name in ("ai-edge-litert", "tensorflow") if importlib.util.find_spec(name.replace("-", "_"))
    ]
    return f"{names[0]} {importlib.metadata.version(names[0])}"


def take_turns(calls: Sequence[Callable[[], object]], runs: int) -> list[list[float]]:
    """Returns the seconds of each call, ``runs`` of each, after a tenth as many that do not count."""
    seconds: list[list[float]] = [[] for _ in calls]
    for run in range(-(runs // 10), runs):
        for call, found in zip(calls, seconds, strict=True):
            start = time.perf_counter()
            call()
            if run >= 0:
                found.append(time.perf_counter() - start)
    return seconds


def line(row: Mapping[str, Any], dense: Mapping[str, Any]) -> str:
    """Returns a row in words."""
    return (
        f"{row['runtime']:15s} {row['network']:32s} {row['median_ms']:8.2f} ms "
        f"({dense['median_ms'] / row['median_ms']:.1f}x) {row['bytes'] / 1e6:8.2f} MB "
        f"({dense['bytes'] / row['bytes']:.1f}x), outputs differ by {row['difference']:.1e}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints what was found and writes the JSON file; returns the exit status."""
    flags = parse_flags(arguments)
    with contextlib.suppress(RuntimeError):  # in use already, as in a test
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    with machine.Watch(os.getpid()) as watch:
        rows = measure(flags)
    for row in rows:
        print(line(row, next(one for one in rows if one["runtime"] == row["runtime"])))
    print(f"medians of {flags.runs}; others kept {watch.foreign_cores:.2f} cores busy meanwhile")
    settings = {name: getattr(flags, name) for name in ("network", "width", "sparsity", "runs")}
    settings["interpreter"] = interpreter()
    machine.write(flags.out, "compact", {**settings, "rows": rows, "foreign_cores": watch.foreign_cores})
    return 0


if __name__ == "__main__":
    sys.exit(main())
