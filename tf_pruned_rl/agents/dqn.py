"""DQN (Mnih et al., 2015) on replay batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf
from tf_agents.agents.dqn import dqn_agent
from tf_agents.utils import common

from tf_pruned_rl.agents import base
from tf_pruned_rl.config import GameConfig
from tf_pruned_rl.environments import screen

if TYPE_CHECKING:
    from tf_pruned_rl.replay.batch import Batch

# Per-example losses of (targets, predictions); the Huber loss has delta 1.
_LOSSES = {"mse": common.element_wise_squared_loss, "huber": common.element_wise_huber_loss}


class DqnAgent(base.LeanTraining, dqn_agent.DqnAgent):
    """TF-Agents' DqnAgent with the loss on a replay batch: y = R + discount * Q_target(s', a*).

    a* is the target network's own greedy action, or the online network's (``double_q``).
    """

    def __init__(self, config: GameConfig, num_actions: int) -> None:
        """Builds both networks, equal.

        Args:
          config: ``config.learning.loss`` is mse or huber.
          num_actions: A.
        """
        time_step_spec, action_spec = base.specs(num_actions, screen(config))
        super().__init__(
            time_step_spec,
            action_spec,
            base.QNetwork(time_step_spec.observation, config.network, num_actions),
            td_errors_loss_fn=_LOSSES[config.learning.loss],
            **base.common_arguments(config),
        )
        self._start(config)

    def values(self, outputs: tf.Tensor) -> tf.Tensor:
        """Returns the Q-values, float32 [B, A], in a network's outputs: the outputs."""
        return outputs

    def target_values(self, batch: Batch) -> tf.Tensor:
        """Returns what Q(s, a) should be, float32 [B]."""
        next_values = self.target_model(batch.next_observations, training=True)
        next_value = tf.gather(next_values, self.next_actions(batch, next_values), batch_dims=1)
        return batch.returns + batch.discounts * next_value

    def loss_per_example(self, batch: Batch) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Returns the loss of each transition, float32 [B], and the Q statistics.

        No gradient flows to the target.
        """
        q_values = self.model(batch.observations, training=True)
        target = tf.stop_gradient(self.target_values(batch))
        loss = self._td_errors_loss_fn(target, tf.gather(q_values, batch.actions, batch_dims=1))
        return loss + self._conservative(q_values, batch.actions), base.q_statistics(q_values)
