"""What the paper compares pruning with: ReDo, Reset, weight decay, normalised features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tf_pruned_rl.config import Config
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.interventions.base import Intervention, NoIntervention
from tf_pruned_rl.interventions.redo import Redo
from tf_pruned_rl.interventions.regularizers import CoupledWeightDecay, WeightDecay
from tf_pruned_rl.interventions.reset import Reset
from tf_pruned_rl.seeding import Purpose, tensorflow_generator

__all__ = [
    "CoupledWeightDecay",
    "Intervention",
    "NoIntervention",
    "Redo",
    "Reset",
    "WeightDecay",
    "create",
    "create_regularizer",
]


def create(config: Config, agent: Any, masks: Mapping[Any, tf.Variable]) -> Intervention:
    """Returns what ``config.intervention.intervention`` names.

    Args:
      config: the run's.
      agent: whose networks are changed.
      masks: {reference of a kernel's variable: its mask}, as of ``Pruner.masks``.

    Raises:
      UserError: it names nothing known.
    """
    wanted = config.intervention
    generator = tensorflow_generator(config.run.seed, Purpose.INTERVENTIONS)
    if wanted.intervention == "redo":
        return Redo(
            agent,
            masks,
            generator,
            every=wanted.redo_every,
            threshold=wanted.redo_threshold,
            batch_size=wanted.redo_batch,
        )
    if wanted.intervention == "reset":
        return Reset(agent, masks, generator, every=wanted.reset_every, layers=wanted.reset_layers)
    if wanted.intervention != "none":
        raise UserError(f"no intervention is called {wanted.intervention!r}; choose one of none, redo, reset")
    return NoIntervention()


def create_regularizer(config: Config, agent: Any) -> Intervention:
    """Returns weight decay, or nothing to do; ``l2_unit`` is part of the network."""
    if config.network.regularizer != "weight_decay":
        return NoIntervention()
    decay = CoupledWeightDecay if config.intervention.decay_coupled else WeightDecay
    return decay(agent, config.intervention.decay_rate)
