"""Gradual pruning: when (schedule), how much (distribution), which (criterion), and the pruner."""

from __future__ import annotations

import tf_keras

from tf_pruned_rl.config import ExperimentConfig
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.pruning.pruner import BasePruner as BasePruner
from tf_pruned_rl.pruning.pruner import NoPruner as NoPruner
from tf_pruned_rl.pruning.pruner import Pruner as Pruner
from tf_pruned_rl.units import budget

METHODS = ("magnitude", "none")
"""What ``create`` knows."""


def create(config: ExperimentConfig, model: tf_keras.Model) -> BasePruner:
    """Returns the pruner of a run: ``NoPruner`` for a dense one.

    Args:
      config: the run's; its fractions are converted to gradient steps by ``units.budget``.
      model: the online network, built.

    Raises:
      UserError: an unknown method, or a value out of range.
    """
    pruning = config.pruning
    if pruning.pruning not in METHODS:
        raise UserError(f"no pruning is called {pruning.pruning!r}; choose one of {', '.join(METHODS)}")
    if pruning.pruning == "none":
        return NoPruner(model)
    steps = budget(config)
    return Pruner(
        model,
        sparsity=pruning.sparsity,
        begin_step=steps.prune_begin,
        end_step=steps.prune_end,
        every=pruning.prune_every,
        distribution=pruning.distribution,
    )
