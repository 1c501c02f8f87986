"""The methods by name: each says when zeros come, which weights go and which come back.

A new method is one function in ``criterion.py`` and one line here (docs/cookbook.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from tf_pruned_rl.errors import UserError
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


METHODS: dict[str, Method] = {
    "magnitude": Method(CubicSparsity, criterion.magnitude),
    "random": Method(CubicSparsity, criterion.random),
    "static": Method(ConstantSparsity, criterion.magnitude),
    "set": Method(ConstantSparsity, criterion.magnitude, grow=criterion.random),
    "rigl": Method(ConstantSparsity, criterion.magnitude, grow=criterion.gradient),
}


def find(name: str) -> Method:
    """Returns the method called ``name``.

    Raises:
      UserError: there is none.
    """
    if name not in METHODS:
        raise UserError(f"no pruning is called {name!r}; choose one of {', '.join(METHODS)}, none")
    return METHODS[name]
