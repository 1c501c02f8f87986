"""How much: the share of each kernel's weights that goes, so that the network reaches its target."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import DISTRIBUTIONS

Shapes = Mapping[str, tuple[int, ...]]
"""{name of a kernel: its shape}"""


def uniform(shapes: Shapes, sparsity: float) -> dict[str, float]:
    """Returns the same sparsity for every kernel, the first and the last included."""
    return dict.fromkeys(shapes, sparsity)


def erk(shapes: Shapes, sparsity: float) -> dict[str, float]:
    """Returns each kernel's sparsity under the Erdos-Renyi-kernel rule (Evci et al., 2020).

    A kernel's density is proportional to (sum of its dimensions) / (product of its dimensions), so
    small kernels stay denser. Where that asks for more than all weights, the kernel stays whole and
    the others make up for it. Zeros are counted in whole weights, rounded down per kernel, as in
    JaxPruner.
    """
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    zeros = {name: math.floor(sparsity * size) for name, size in sizes.items()}
    raw = {name: sum(shape) / sizes[name] for name, shape in shapes.items()}
    open_names = set(shapes)
    scale = 0.0
    while open_names:
        # Weights to keep in the open kernels: theirs, less the zeros the whole ones do not take.
        left = sum(sizes[name] for name in open_names) - sum(zeros.values())
        scale = left / sum(raw[name] * sizes[name] for name in open_names)
        largest = max(raw[name] for name in open_names)
        if scale * largest <= 1:
            break
        open_names = {name for name in open_names if raw[name] != largest}
    return {name: 1 - scale * raw[name] if name in open_names else 0.0 for name in shapes}


def shares(
    distribution: str, shapes: Shapes, sparsity: float, dense_sparsity: float | None = None
) -> dict[str, float]:
    """Returns {kernel: its final sparsity} for one network.

    Args:
      distribution: a name in ``registry.DISTRIBUTIONS``.
      shapes: the shapes of the network's kernels.
      sparsity: share of zeros over all of them, in [0, 1).
      dense_sparsity: the same of those of two dimensions, in dense layers, which then share out their
        zeros for themselves as the others do; None if they all share.

    Raises:
      UserError: an unknown distribution, or a sparsity out of range.
    """
    DISTRIBUTIONS.entry(distribution)
    if not 0 <= sparsity < 1:
        raise UserError(f"sparsity is {sparsity}, but must be at least 0 and less than 1 (0.95 for 95 %)")
    if dense_sparsity is None:
        return DISTRIBUTIONS[distribution](shapes, sparsity)
    dense = {name: shape for name, shape in shapes.items() if len(shape) == 2}
    others = {name: shape for name, shape in shapes.items() if name not in dense}
    found = shares(distribution, dense, dense_sparsity) | shares(distribution, others, sparsity)
    return {name: found[name] for name in shapes}
