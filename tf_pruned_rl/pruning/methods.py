"""The methods by name: each says when zeros come, which weights go and which come back.

A new method is one function in ``criterion.py`` and one line of the registry (docs/cookbook.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from tf_pruned_rl.pruning import criterion
from tf_pruned_rl.pruning.schedule import ConstantSparsity, CubicSparsity

Score = Callable[[criterion.Kernel], tf.Tensor]


@dataclass(frozen=True)
class Method:
    """What happens at an update of the masks."""

    schedule: type[CubicSparsity]
    """How sparsity grows."""
    keep: Score
    """Of the weights still there, those of the largest score stay."""
    grow: Score | None = None
    """Where some are exchanged for others: those of the largest score come."""

    @property
    def starts_sparse(self) -> bool:
        """Whether the masks are random and at the final sparsity before the first gradient step."""
        return self.schedule is ConstantSparsity


MAGNITUDE = Method(CubicSparsity, criterion.magnitude)
RANDOM = Method(CubicSparsity, criterion.random)
STATIC = Method(ConstantSparsity, criterion.magnitude)
SET = Method(ConstantSparsity, criterion.magnitude, grow=criterion.random)
RIGL = Method(ConstantSparsity, criterion.magnitude, grow=criterion.gradient)
