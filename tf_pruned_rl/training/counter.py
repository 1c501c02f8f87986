"""What stands where a collector does when all data are there already."""

from __future__ import annotations

import tensorflow as tf

from tf_pruned_rl.compute import StepState
from tf_pruned_rl.training.checkpoint import VariablesState


class Counter:
    """Acts never, and counts the turns it would have had: the gradient steps of an offline run.

    Attributes:
      agent_steps: int64 variable, turns so far.
    """

    def __init__(self) -> None:
        self.agent_steps = tf.Variable(0, dtype=tf.int64, name="agent_steps")

    def reset(self) -> None:
        """Does nothing: no episode begins."""

    def statistics(self) -> dict[str, float]:
        """Returns what is to be logged about the way of acting: nothing."""
        return {}

    def step(self, state: StepState | None = None) -> None:
        """Counts; to be called inside a tf.function."""
        del state
        self.agent_steps.assign_add(1)

    def state(self) -> VariablesState:
        """The count."""
        return VariablesState(agent_steps=self.agent_steps)
