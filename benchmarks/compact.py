"""Measures what pruning whole channels makes of a network: bytes, and latency at batch 1 on one core.

    python benchmarks/compact.py --width=3 --sparsity=0.8

The dense network and those that are left of it, pruned at once and compacted, take turns in one process, in
TensorFlow and in TensorFlow Lite. Weights are random: neither size nor latency depends on their values.
"""

from __future__ import annotations

import argparse
import contextlib
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
from tf_pruned_rl.exporting.compact import compact
from tf_pruned_rl.pruning import Pruner

STRUCTURES: dict[str, dict[str, Any]] = {
    "channel": {},
    "channel, dense layers block 16x1": {"dense_shape": "block", "block": "16x1", "dense_sparsity": 0.95},
}


def parse_flags(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Returns the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--network", choices=networks.NETWORKS[:2], default="impala")
    add("--width", type=float, default=3.0, help="of the network")
    add("--sparsity", type=float, default=0.8, help="share of each stream's channels that goes")
    add("--runs", type=int, default=250, help="of each network, in turns")
    add("--out", type=Path, help="JSON file; by default benchmarks/results/compact.json")
    return parser.parse_args(arguments)


def build(flags: argparse.Namespace) -> tf_keras.Model:
    """Returns the dense network."""
    tf_keras.utils.set_random_seed(0)
    return networks.build(config.NetworkConfig(network=flags.network, width=flags.width), num_actions=4)


def models(flags: argparse.Namespace) -> dict[str, tf_keras.Model]:
    """Returns {name: network}: the dense one, and of each structure what is left."""
    made = {"dense": build(flags)}
    for name, settings in STRUCTURES.items():
        model = build(flags)
        pruner = Pruner(
            model,
            **{"sparsity": flags.sparsity, "distribution": "uniform", "shape": "channel", **settings},
            begin_step=1,
            end_step=2,
        )
        pruner.after_gradient_step(2)
        made[name] = compact(model).model
    return made


def in_tensorflow(model: tf_keras.Model, frame: np.ndarray) -> tuple[Callable[[], np.ndarray], int]:
    """Returns what computes the network's outputs, and the bytes of its SavedModel."""
    module = tf.Module()
    module.weights = list(model.weights)
    signature = [tf.TensorSpec((None, *frame.shape[1:]), tf.uint8)]
    function = tf.function(lambda frames: model(frames), input_signature=signature)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=function)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    given = tf.constant(frame)
    return lambda: function(given).numpy(), size


def in_lite(model: tf_keras.Model, frame: np.ndarray) -> tuple[Callable[[], np.ndarray], int]:
    """Returns what computes the network's outputs, and the bytes of its TFLite file."""
    signature = [tf.TensorSpec(frame.shape, tf.uint8)]
    function = tf.function(lambda frames: model(tf.cast(frames, tf.float32)), input_signature=signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], model)
    content = converter.convert()
    interpreter = tf.lite.Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    (given,), (found,) = interpreter.get_input_details(), interpreter.get_output_details()

    def call() -> np.ndarray:
        interpreter.set_tensor(given["index"], frame)
        interpreter.invoke()
        return interpreter.get_tensor(found["index"])

    return call, len(content)


def measure(flags: argparse.Namespace) -> list[dict[str, Any]]:
    """Returns a row for each network in each runtime."""
    frame = np.random.default_rng(1).integers(0, 256, (1, 84, 84, 4), dtype=np.uint8)
    rows, calls = [], []
    for name, model in models(flags).items():
        expected = model(frame).numpy()
        for runtime, make in (("TensorFlow", in_tensorflow), ("TensorFlow Lite", in_lite)):
            call, size = make(model, frame)
            difference = float(np.abs(call() - expected).max() / np.abs(expected).max())
            rows.append(
                {
                    "runtime": runtime,
                    "network": name,
                    "parameters": model.count_params(),
                    "bytes": size,
                    "difference": difference,
                }
            )
            calls.append(call)
    for row, seconds in zip(rows, take_turns(calls, flags.runs), strict=True):
        row["median_ms"] = 1e3 * statistics.median(seconds)
    return rows


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
    settings = {"network": flags.network, "width": flags.width, "sparsity": flags.sparsity}
    machine.write(flags.out, "compact", {**settings, "rows": rows, "foreign_cores": watch.foreign_cores})
    return 0


if __name__ == "__main__":
    sys.exit(main())
