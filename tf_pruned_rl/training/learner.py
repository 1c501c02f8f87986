"""One gradient step: loss and gradients, optimizer, masks, interventions, priorities, target network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tf_pruned_rl import agents, interventions, pruning
from tf_pruned_rl.agents.gradients import dense_gradients
from tf_pruned_rl.agents.q_learning import ConcurrentOps, no_ops
from tf_pruned_rl.config import Config
from tf_pruned_rl.config.units import budget
from tf_pruned_rl.environments import Spec
from tf_pruned_rl.replay import Replay
from tf_pruned_rl.replay.batch import Batch
from tf_pruned_rl.training.checkpoint import VariablesState


class Learner:
    """Owns the agent, its pruner, what else is done to its weights, and the count of gradient steps.

    Attributes:
      agent: the TF-Agents agent.
      pruner: keeps the online networks' kernels exactly as sparse as scheduled.
      regularizer: weight decay, or nothing.
      intervention: ReDo, Reset, or nothing.
      statistics: names of what is averaged over the gradient steps between two lines of the log.
      gradient_steps: int64 variable, gradient steps made so far.
      failed_at: int64 variable, the first gradient step whose loss was not finite, or -1.
    """

    def __init__(self, config: Config, spec: Spec):
        self.agent = agents.create(config, spec)
        self.pruner = pruning.create(config, self.agent.networks, self.agent.averages)
        self.pruner.attach(self.agent.optimizers)
        self.agent.update_target()  # where pruning starts sparse, the copies made before were dense
        self.regularizer = interventions.create_regularizer(config, self.agent)
        self.intervention = interventions.create(config, self.agent, self.pruner.masks())
        self.statistics = ("loss", *self.agent.STATISTICS)
        self.gradient_steps = tf.Variable(0, dtype=tf.int64, name="gradient_steps")
        self.failed_at = tf.Variable(-1, dtype=tf.int64, name="failed_at")
        self._sums = tf.Variable(tf.zeros([len(self.statistics)]), name="statistics_sums")
        self._summed = tf.Variable(0.0, name="statistics_count")
        self._target_period = budget(config).target_update_gradient_steps
        self._update = self.agent.train_step
        if config.run.jit_compile:
            self._update = _compiled(self._update)

    def step(
        self,
        replay: Replay,
        batch: Batch,
        *,
        update_masks: bool = True,
        concurrent_ops: ConcurrentOps = no_ops,
        added: int = 0,
    ) -> None:
        """Makes one gradient step on a batch drawn from ``replay``; to be called inside a tf.function.

        Args:
          replay: where the batch is from, which learns of its new priorities.
          batch: what to learn from.
          update_masks: whether to update the masks if it is time; False where it is known not to be, for
            a graph without what costs a little at every step that it does not happen.
          concurrent_ops: adds operations beside the step, with the weights as they are before it.
          added: agent steps that every environment has added to ``replay`` since the batch was drawn.
        """
        loss, losses, statistics = self._update(batch, replay.importance_weights(batch), concurrent_ops)
        step = self.gradient_steps.assign_add(1)
        if update_masks:
            self.pruner.update_masks(step, lambda: dense_gradients(self.agent, batch))
        self.regularizer.after_gradient_step(step, replay)
        self.intervention.after_gradient_step(step, replay)
        # The run ends with a word on a loss that is not finite; it must not break the sum tree before.
        replay.update_priorities(batch.indices, tf.where(tf.math.is_finite(losses), losses, 0.0), added=added)
        if self._target_period == 1:
            self._update_target()
        else:
            tf.cond(tf.equal(step % self._target_period, 0), self._update_target, lambda: False)
        self._record(step, {"loss": loss, **statistics})

    def _update_target(self) -> bool:
        self.agent.update_target()
        return True

    def _record(self, step: tf.Tensor, statistics: dict[str, tf.Tensor]) -> None:
        self._sums.assign_add(tf.stack([statistics[name] for name in self.statistics]))
        self._summed.assign_add(1.0)
        failed_now = tf.logical_and(self.failed_at < 0, ~tf.math.is_finite(statistics["loss"]))
        self.failed_at.assign(tf.where(failed_now, step, self.failed_at))

    def lost_variable(self) -> str | None:
        """Returns the name of the first variable of a network whose entries are not all finite, if any."""
        finite = self._finite().numpy()
        return None if finite.all() else self._trained()[int(np.argmin(finite))].name.split(":")[0]

    def _trained(self) -> list[tf.Variable]:
        return [each for network in self.agent.networks.values() for each in network.trainable_variables]

    @tf.function
    def _finite(self) -> tf.Tensor:
        # Of their sum, which takes half the time.
        return tf.stack([tf.math.is_finite(tf.reduce_sum(variable)) for variable in self._trained()])

    def drain_statistics(self) -> dict[str, float]:
        """Returns the means since the last call (nothing if there was no gradient step)."""
        count = float(self._summed.numpy())
        means = self._sums.numpy() / max(count, 1.0)
        self._sums.assign(tf.zeros_like(self._sums))
        self._summed.assign(0.0)
        return dict(zip(self.statistics, map(float, means), strict=True)) if count else {}

    def state(self) -> VariablesState:
        """Everything that must survive: networks, optimizer slots, masks, counters, running sums."""
        return VariablesState(
            **self.agent.trackables(),
            gradient_steps=self.gradient_steps,
            failed_at=self.failed_at,
            sums=self._sums,
            summed=self._summed,
            **self.pruner.trackables(),
            **self.intervention.trackables(),
        )


def _compiled(update: Callable) -> Callable:
    """Returns a gradient step that XLA compiles; concurrent operations come before it."""
    compiled = tf.function(update, jit_compile=True)

    def after(batch: Batch, weights: tf.Tensor, concurrent_ops: ConcurrentOps) -> tuple:
        concurrent_ops(None)
        return compiled(batch, weights)

    return after
