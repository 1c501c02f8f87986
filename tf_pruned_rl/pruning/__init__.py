"""Pruning: when (schedule), how much (distribution), which (criterion), what shape (structure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf
import tf_keras

from tf_pruned_rl.config import Config
from tf_pruned_rl.config.control import ControlPruningConfig
from tf_pruned_rl.config.units import budget
from tf_pruned_rl.pruning.base import BasePruner, NoPruner
from tf_pruned_rl.pruning.kernels import LayerFilter
from tf_pruned_rl.pruning.pruner import Pruner

__all__ = ["BasePruner", "NoPruner", "Pruner", "create", "pruned_networks"]


def create(
    config: Config,
    networks: Mapping[str, tf_keras.Model],
    averages: Sequence[tuple[tf.Variable, tf.Variable]] = (),
) -> BasePruner:
    """Returns the pruner of a run: ``NoPruner`` for a dense one.

    Args:
      config: the run's; its fractions are converted to gradient steps by ``units.budget``.
      networks: {name: built online network}.
      averages: pairs (moving average, its variable), as of target networks.

    Raises:
      UserError: an unknown method, a value out of range, or values that do not go together.
    """
    pruning = config.pruning
    if pruning.pruning == "none":
        return NoPruner(pruned_networks(config, networks)[0])
    selected, exclude = pruned_networks(config, networks)
    steps = budget(config)
    return Pruner(
        selected,
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
        drop_fraction=pruning.drop_fraction,
        prune_layers=pruning.prune_layers,
        exclude=exclude,
        seed=config.run.seed,
    )


def pruned_networks(
    config: Config, networks: Mapping[str, tf_keras.Model]
) -> tuple[dict[str, tf_keras.Model], LayerFilter]:
    """Returns those of the networks that are pruned, and which of their layers are left dense."""
    pruning = config.pruning
    if not isinstance(pruning, ControlPruningConfig):
        return dict(networks), ""
    prefix = {"all": "", "actor": "actor", "critics": "critic"}[pruning.prune_networks]
    selected = {name: model for name, model in networks.items() if name.startswith(prefix)}
    outputs = [] if pruning.prune_output_layers else [model.layers[-1] for model in selected.values()]
    return selected, lambda layer: layer in outputs
