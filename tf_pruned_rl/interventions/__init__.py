"""What the paper compares pruning with: ReDo, Reset, weight decay, normalised features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tf_pruned_rl.config import Config
from tf_pruned_rl.interventions.base import Intervention, NoIntervention
from tf_pruned_rl.interventions.redo import Redo
from tf_pruned_rl.interventions.regularizers import CoupledWeightDecay, WeightDecay
from tf_pruned_rl.interventions.reset import Reset
from tf_pruned_rl.registry import INTERVENTIONS, REGULARIZERS
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
    """Returns the intervention that ``config.intervention.intervention`` names.

    Args:
      config: the run's.
      agent: its networks are changed.
      masks: {reference of a kernel's variable: its mask}, as of ``Pruner.masks``.

    Raises:
      UserError: there is no such intervention.
    """
    generator = tensorflow_generator(config.run.seed, Purpose.INTERVENTIONS)
    return INTERVENTIONS[config.intervention.intervention](config, agent, masks, generator)


def create_regularizer(config: Config, agent: Any) -> Intervention:
    """Returns what ``config.network.regularizer`` names.

    Raises:
      UserError: it names nothing known.
    """
    return REGULARIZERS[config.network.regularizer](config, agent)
