"""What exporting has gained: sizes, multiply-accumulates, latency and returns, beside a dense twin."""

from __future__ import annotations

import dataclasses
import json
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras

from tf_pruned_rl import runtime
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.exporting import formats, report_figure, report_latency
from tf_pruned_rl.exporting.saved_model import Trained
from tf_pruned_rl.policies import policy_json
from tf_pruned_rl.policies.policy import Policy, load_policy

BATCHES = (1, 32)
_RESAMPLES = 2_000


def make(
    trained: Trained,
    exported: Sequence[tuple[Path, dict]],
    *,
    runs: int,
    episodes: int,
    seed: int,
    seconds: float = 0,
) -> dict[str, Any]:
    """Measures the formats of a policy, each beside its dense twin: the same network without zeros.

    Args:
      trained: what was exported.
      exported: as ``formats.export`` returned it.
      runs: of each policy, at each batch size and number of threads.
      episodes: played with each policy; 0 is none.
      seed: of the game and the random actions, the same for all.
      seconds: see ``report_latency.measure``.
    """
    if not all("game" in description for _, description in exported):
        raise UserError("--report is for policies of games, not of continuous control; leave it out")
    with tempfile.TemporaryDirectory() as folder:
        twins = _twins(trained, [description["format"] for _, description in exported], Path(folder))
        pairs = {
            description["format"]: (path, twins[_twin_of(description["format"])][0])
            for path, description in exported
        }
        latency = {
            threads: report_latency.measure(
                pairs, batches=BATCHES, threads=threads, runs=runs, seconds=seconds
            )
            for threads in sorted({1, runtime.available_cores()})
        }
        rows = []
        for path, description in exported:
            name = description["format"]
            rows.append(
                {
                    "format": name,
                    "bytes": policy_json.size(description),
                    "dense_bytes": policy_json.size(twins[_twin_of(name)][1]),
                    "latency_ms": {
                        f"batch {batch}, threads {threads}": times[name][batch]
                        for batch in BATCHES
                        for threads, times in latency.items()
                    },
                    "verification": description.get("verification"),
                    "returns": _returns(path, episodes, seed) if episodes else None,
                }
            )
    layers = _layers(trained, {description["format"]: description for _, description in exported})
    return {"layers": layers, "formats": rows, "runs": runs, "episodes": episodes, "seed": seed}


def _twin_of(name: str) -> str:
    """Returns the format of a dense twin: nothing of a dense network can be compacted."""
    return {"compact": "saved_model", "compact_tflite": "tflite"}.get(name, name)


def _twins(trained: Trained, names: Sequence[str], folder: Path) -> dict[str, tuple[Path, dict]]:
    """Writes the dense network in the formats; returns {format: (directory, content of policy.json)}."""
    model = tf_keras.models.clone_model(trained.model)
    rng = np.random.default_rng(0)
    for weight, pruned in zip(model.weights, trained.model.weights, strict=True):
        value = pruned.numpy()
        noise = rng.normal(0, value.std() + 1e-3, value.shape)
        weight.assign(np.where(value == 0, noise, value) if value.ndim > 1 else value)
    dense = dataclasses.replace(trained, model=model)
    written = {}
    for name in dict.fromkeys(map(_twin_of, names)):
        written[name] = (folder / name, formats.write(dense, folder / name, name))
    return written


def _layers(trained: Trained, exported: dict[str, dict]) -> list[dict[str, Any]]:
    """Returns a row per kernel; bytes as float32, what zlib makes of them, and what compacting leaves."""
    kernels = [weight.numpy() for weight in trained.model.weights if len(weight.shape) > 1]
    compacted = {row["layer"]: row for row in exported["compact"]["layers"]} if "compact" in exported else {}
    rows = []
    for row, kernel in zip(trained.layers, kernels, strict=True):
        compact = compacted.get(row["layer"])
        rows.append(
            {
                **{name: row[name] for name in ("layer", "parameters", "macs", "macs_left")},
                "zeros": row["parameters"] - row["nonzero"],
                "bytes": kernel.nbytes,
                "bytes_compressed": len(zlib.compress(kernel.tobytes(), 6)),
                "compact_parameters": compact and compact["parameters"],
                "compact_bytes": compact and kernel.itemsize * compact["parameters"],
                "compact_macs": compact and compact["macs"],
            }
        )
    return rows


def _returns(path: Path, episodes: int, seed: int) -> dict[str, Any]:
    """Plays; returns the mean and its 95 % interval (percentiles of bootstrap means)."""
    policy = load_policy(path)
    assert isinstance(policy, Policy)
    environment = policy.make_environment(num_envs=1, seed=seed)
    played = policy.play(environment, epsilon=policy.epsilon, seed=seed, episodes=episodes)
    returns = np.array(played.returns)
    means = np.random.default_rng(0).choice(returns, (_RESAMPLES, len(returns))).mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return {"mean": float(returns.mean()), "interval": [float(low), float(high)], "all": list(played.returns)}


def text(report: dict[str, Any]) -> str:
    """Returns the report for people."""
    lines = [
        *_table(report["layers"]),
        "",
        "each beside its dense twin; milliseconds are medians of runs in turns",
    ]
    for row in report["formats"]:
        size, dense = row["bytes"], row["dense_bytes"]
        lines += [
            row["format"],
            f"  bytes {size['raw']:,} (dense {dense['raw']:,}: {dense['raw'] / size['raw']:.1f} times), "
            f"gzipped {size['gzip']:,} (dense {dense['gzip']:,})",
        ]
        for where, times in row["latency_ms"].items():
            gain = times["dense"] / times["pruned"]
            lines.append(
                f"  {where}: {times['pruned']:.2f} ms (dense {times['dense']:.2f}: {gain:.1f} times), "
                f"{times['runs']} runs"
            )
        if row["returns"]:
            low, high = row["returns"]["interval"]
            lines.append(
                f"  return {row['returns']['mean']:.2f}, 95 % interval {low:.2f} to {high:.2f}, "
                f"{report['episodes']} episodes"
            )
    return "\n".join(lines)


def _table(layers: list[dict[str, Any]]) -> list[str]:
    """Returns the lines of the layers and of their sums."""
    sums = {name: sum(row[name] or 0 for row in layers) for name in layers[0] if name != "layer"}
    lines = [
        f"{'layer':<22}{'weights':>12}{'zeros':>8}{'MACs':>14}{'left':>8}{'bytes':>12}{'zipped':>12}"
        f"{'compact bytes':>15}{'compact MACs':>14}"
    ]
    for row in [*layers, {"layer": "all kernels", **sums}]:
        compact = f"{row['compact_bytes']:>15,}{row['compact_macs']:>14,}" if row["compact_bytes"] else ""
        lines.append(
            f"{row['layer']:<22}{row['parameters']:>12,}{row['zeros'] / row['parameters']:>8.1%}"
            f"{row['macs']:>14,}{row['macs_left'] / row['macs']:>8.1%}"
            f"{row['bytes']:>12,}{row['bytes_compressed']:>12,}{compact}"
        )
    return lines


def save(report: dict[str, Any], stem: Path) -> list[Path]:
    """Writes the report beside ``stem`` as .txt, .json and .png; returns where.

    Raises:
      UserError: they cannot be written.
    """
    paths = [stem.with_name(stem.name + suffix) for suffix in (".txt", ".json", ".png")]
    try:
        paths[0].write_text(text(report) + "\n", encoding="utf-8")
        paths[1].write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        report_figure.draw(report).savefig(paths[2], dpi=150)
    except OSError as error:
        raise UserError(f"cannot write {stem}.* ({error.strerror}); choose another --out") from error
    return paths
