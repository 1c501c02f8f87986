"""Pruning: when (schedule), how much (distribution), which (criterion), what shape (structure)."""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping, Sequence

import tensorflow as tf
import tf_keras

from tf_pruned_rl.config import Config, ContinuousConfig
from tf_pruned_rl.config.units import budget
from tf_pruned_rl.pruning import kernels
from tf_pruned_rl.pruning.base import BasePruner as BasePruner
from tf_pruned_rl.pruning.base import NoPruner as NoPruner
from tf_pruned_rl.pruning.pruner import Pruner as Pruner


def create(
    config: Config,
    networks: tf_keras.Model | Mapping[str, tf_keras.Model],
    averages: Sequence[tuple[tf.Variable, tf.Variable]] = (),
) -> BasePruner:
    """Returns the pruner of a run: ``NoPruner`` for a dense one.

    Args:
      config: the run's; its fractions are converted to gradient steps by ``units.budget``.
      networks: the online network, or several by name, built.
      averages: pairs (moving average, the variable it follows), as of target networks.

    Raises:
      UserError: an unknown method, a value out of range, or values that do not go together.
    """
    pruning = config.pruning
    found = pruned(config, networks) if isinstance(networks, Mapping) else networks
    if pruning.pruning == "none":
        return NoPruner(found)
    steps = budget(config)
    return Pruner(
        found,
        sparsity=pruning.sparsity,
        begin_step=steps.prune_begin,
        end_step=steps.prune_end,
        every=pruning.prune_every,
        distribution=pruning.distribution,
        averages=averages,
        method=pruning.pruning,
        shape=pruning.structure,
        block=pruning.block,
        dense_shape=pruning.dense_structure,
        dense_sparsity=pruning.dense_sparsity or None,
        exchange=pruning.drop_fraction,
        seed=config.run.seed,
    )


@functools.singledispatch
def pruned(config: Config, networks: Mapping[str, tf_keras.Model]) -> object:
    """Returns those of the networks that are pruned, as ``kernels.find`` takes them: here all."""
    del config
    return types.SimpleNamespace(**networks)


@pruned.register
def _(config: ContinuousConfig, networks: Mapping[str, tf_keras.Model]) -> object:
    if not config.pruning.prune_output_layers:
        for model in networks.values():
            kernels.leave_dense(model.layers[-1])
    prefix = {"all": "", "actor": "actor", "critics": "critic"}[config.pruning.prune_networks]
    return types.SimpleNamespace(**{name: m for name, m in networks.items() if name.startswith(prefix)})
