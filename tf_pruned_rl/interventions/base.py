"""What every intervention is, and the one that does nothing."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from tf_pruned_rl.replay import Replay


class Intervention(abc.ABC):
    """Something done to the weights, called after every gradient step, when they are sparse again.

    It leaves them so: what lies outside a mask stays 0.
    """

    @abc.abstractmethod
    def after_gradient_step(self, step: tf.Tensor, replay: Replay) -> None:
        """Does what is due. For use inside a tf.function.

        Args:
          step: int64 scalar, gradient steps made so far, this one included.
          replay: to draw states from, with a generator of the intervention's own.
        """

    def trackables(self) -> dict[str, tf.Variable]:
        """Returns {name: variable} with state, for a checkpoint."""
        return {}


class NoIntervention(Intervention):
    """Leaves everything as it is."""

    def after_gradient_step(self, step: tf.Tensor, replay: Replay) -> None:
        """Does nothing."""
        return  # AutoGraph cannot do with less


def no_intervention(*parts: object) -> NoIntervention:
    """Returns an intervention that does nothing, whatever the others are made from."""
    del parts
    return NoIntervention()
