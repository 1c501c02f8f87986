"""How much: the final sparsity of each kernel, so that the network as a whole reaches its target."""

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
    small kernels are denser. A kernel whose density would exceed 1 stays dense, and the others are pruned
    more to make up for it. Zeros are counted in whole weights, rounded down per kernel, as in JaxPruner.
    """
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    zeros = {name: math.floor(sparsity * size) for name, size in sizes.items()}
    raw = {name: sum(shape) / sizes[name] for name, shape in shapes.items()}
    sparse = list(shapes)
    scale = 0.0
    while sparse:
        # Weights to keep in the sparse kernels: their own, less the zeros that the dense kernels do not take.
        nonzeros = sum(sizes[name] for name in sparse) - sum(zeros.values())
        scale = nonzeros / sum(raw[name] * sizes[name] for name in sparse)
        largest = max(raw[name] for name in sparse)
        if scale * largest <= 1:
            break
        sparse = [name for name in sparse if raw[name] != largest]
    return {name: 1 - scale * raw[name] if name in sparse else 0.0 for name in shapes}


def kernel_sparsities(
    distribution: str, shapes: Shapes, sparsity: float, dense_sparsity: float | None = None
) -> dict[str, float]:
    """Returns {kernel: its final sparsity} for one network.

    Args:
      distribution: a name in ``registry.DISTRIBUTIONS``.
      shapes: the shapes of the network's pruned kernels.
      sparsity: share of zeros over all of them, in [0, 1).
      dense_sparsity: share of zeros over the kernels of dense layers (those of two dimensions), in [0, 1);
        ``sparsity`` is then that of the other kernels. None: ``sparsity`` is that of all kernels.

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
    of_dense = kernel_sparsities(distribution, dense, dense_sparsity)
    of_others = kernel_sparsities(distribution, others, sparsity)
    return {name: (of_dense | of_others)[name] for name in shapes}
