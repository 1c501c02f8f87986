"""The methods by name: how the sparsity grows, which weights are kept, and which grow again.

A new method is one function, its criterion, and one line of the registry (docs/cookbook.md).
"""

from __future__ import annotations

from dataclasses import dataclass

from tf_pruned_rl.pruning import criterion
from tf_pruned_rl.pruning.criterion import Criterion
from tf_pruned_rl.pruning.schedule import ConstantSparsity, CubicSparsity


@dataclass(frozen=True)
class Method:
    """What happens at an update of the masks."""

    schedule: type[CubicSparsity]
    """How sparsity grows."""
    keep: Criterion
    """Of the weights in the mask, those with the highest scores are kept."""
    grow: Criterion | None = None
    """Where weights grow again: of the weights outside the mask, those with the highest scores do."""

    @property
    def starts_sparse(self) -> bool:
        """Whether the masks are random, at the final sparsity, before the first gradient step."""
        return issubclass(self.schedule, ConstantSparsity)

    @property
    def needs_gradients(self) -> bool:
        """Whether a criterion uses the gradients of the loss; see ``criterion.needs_gradients``."""
        return any(getattr(score, "needs_gradients", False) for score in (self.keep, self.grow))


MAGNITUDE = Method(CubicSparsity, criterion.magnitude)
RANDOM = Method(CubicSparsity, criterion.random)
STATIC = Method(ConstantSparsity, criterion.magnitude)
SET = Method(ConstantSparsity, criterion.magnitude, grow=criterion.random)
RIGL = Method(ConstantSparsity, criterion.magnitude, grow=criterion.gradient)
