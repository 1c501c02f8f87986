"""What every intervention is, and the one that does nothing."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from tf_pruned_rl.replay import Replay


class Intervention(abc.ABC):
    """A change of the weights beside learning and pruning, called after every gradient step.

    The weights are sparse before it and after it: what lies outside a mask stays 0.
    """

    @abc.abstractmethod
    def after_gradient_step(self, step: tf.Tensor, replay: Replay) -> None:
        """Changes the weights if a change is due. For use inside a tf.function.

        Args:
          step: int64 scalar, gradient steps made so far, this one included.
          replay: to sample states from, with a generator of the intervention's own.
        """

    def trackables(self) -> dict[str, tf.Variable]:
        """Returns {name: variable} with state, for a checkpoint."""
        return {}


class NoIntervention(Intervention):
    """Changes nothing."""

    def after_gradient_step(self, step: tf.Tensor, replay: Replay) -> None:
        """Does nothing."""
        del step, replay


def no_intervention(*arguments: object) -> NoIntervention:
    """Returns the intervention that changes nothing, whatever the arguments."""
    del arguments
    return NoIntervention()
