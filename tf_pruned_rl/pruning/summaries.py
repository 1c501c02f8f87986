"""Reports: sparsity, remaining weights and multiply-accumulates, per kernel and in total."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import tensorflow as tf

from tf_pruned_rl.pruning.kernels import Kernel


class Row(TypedDict):
    """One kernel, or the total, as in ``policy.json`` and the final report."""

    layer: str
    """The kernel's name."""
    shape: tuple[int, ...]
    """Empty for the total."""
    parameters: int
    nonzero: int
    sparsity: float
    """Share of zeros among the kernel's weights; biases are not counted."""
    macs: int
    """Multiply-accumulates per example, if the kernel were dense."""
    macs_left: int
    """Those by weights that are not zero."""


def nonzeros(kernels: Sequence[Kernel]) -> dict[str, int]:
    """Returns {kernel: weights that are not zero}."""
    counts = tf.stack([tf.math.count_nonzero(kernel.variable) for kernel in kernels]).numpy()
    return {kernel.name: int(count) for kernel, count in zip(kernels, counts, strict=True)}


def table(kernels: Sequence[Kernel]) -> list[Row]:
    """Returns one row per kernel, in the network's order."""
    counts = nonzeros(kernels)
    return [
        Row(
            layer=kernel.name,
            shape=kernel.shape,
            parameters=kernel.size,
            nonzero=counts[kernel.name],
            sparsity=1 - counts[kernel.name] / kernel.size,
            macs=kernel.macs,
            macs_left=counts[kernel.name] * kernel.positions,
        )
        for kernel in kernels
    ]


def total(rows: Sequence[Row]) -> Row:
    """Returns the sum of the rows, as a row called ``total``."""
    parameters, nonzero = sum(row["parameters"] for row in rows), sum(row["nonzero"] for row in rows)
    return Row(
        layer="total",
        shape=(),
        parameters=parameters,
        nonzero=nonzero,
        sparsity=1 - nonzero / parameters,
        macs=sum(row["macs"] for row in rows),
        macs_left=sum(row["macs_left"] for row in rows),
    )


def scalars(
    kernels: Sequence[Kernel], targets: Mapping[str, float], thresholds: Mapping[str, float]
) -> dict[str, float]:
    """Returns the numbers for TensorBoard and metrics.jsonl.

    Args:
      kernels: the kernels.
      targets: {kernel: its scheduled sparsity}.
      thresholds: {kernel: magnitude of the smallest weight its mask keeps}.

    Returns:
      {name: value} with names ``sparsity/``, ``parameters_left/`` and ``macs_left/`` followed by
      ``total`` or a kernel's name; ``target/`` followed by a kernel's name and ``sparsity/target``
      for the target in total; ``threshold/`` followed by a kernel's name.
    """
    values: dict[str, float] = {}
    rows = table(kernels)
    for row in (total(rows), *rows):
        values[f"sparsity/{row['layer']}"] = row["sparsity"]
        values[f"parameters_left/{row['layer']}"] = float(row["nonzero"])
        values[f"macs_left/{row['layer']}"] = float(row["macs_left"])
    zeros = sum(targets[kernel.name] * kernel.size for kernel in kernels)
    values["sparsity/target"] = zeros / sum(kernel.size for kernel in kernels)
    values.update({f"target/{name}": target for name, target in targets.items()})
    values.update({f"threshold/{name}": threshold for name, threshold in thresholds.items()})
    return values
