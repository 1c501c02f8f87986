"""DQN (Mnih et al., 2015) on replay batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf
from tf_agents.agents.dqn import dqn_agent
from tf_agents.utils import common

from tf_pruned_rl.agents import conservative, q_learning
from tf_pruned_rl.compute import StepState
from tf_pruned_rl.config import GameConfig
from tf_pruned_rl.environments import DiscreteSpec

if TYPE_CHECKING:
    from tf_pruned_rl.replay.batch import Batch

# Per-example losses of (targets, predictions); the Huber loss has delta 1.
_LOSSES = {"mse": common.element_wise_squared_loss, "huber": common.element_wise_huber_loss}


class DqnAgent(q_learning.QLearning, dqn_agent.DqnAgent):
    """TF-Agents' DqnAgent with the loss on a replay batch: y = R + discount * Q_target(s', a*).

    a* is the target network's own greedy action, or the online network's (``double_q``). With
    ``cql_alpha`` the loss is that of conservative Q-learning.
    """

    def __init__(self, config: GameConfig, spec: DiscreteSpec) -> None:
        """Builds both networks, equal.

        Args:
          config: ``config.learning.loss`` is mse or huber.
          spec: of the game; A actions.
        """
        time_step_spec, action_spec = q_learning.specs(spec)
        super().__init__(
            time_step_spec,
            action_spec,
            q_learning.QNetwork(time_step_spec.observation, config.network, spec.num_actions),
            td_errors_loss_fn=_LOSSES[config.learning.loss],
            **q_learning.tf_agents_arguments(config),
        )
        self.prepare(config)

    def loss_per_example(self, batch: Batch, state: StepState | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the loss of each transition, float32 [B], and Q(s, .), float32 [B, A].

        No gradient flows to the target.
        """
        q_values = self.online(batch.observations, training=True, state=state)
        targets = tf.stop_gradient(self.target_values(batch, state))
        losses = self._td_errors_loss_fn(targets, tf.gather(q_values, batch.actions, batch_dims=1))
        if self._cql_alpha:
            losses += self._cql_alpha * conservative.term(q_values, batch.actions)
        return losses, q_values

    def target_values(self, batch: Batch, state: StepState | None = None) -> tf.Tensor:
        """Returns R + discount * Q_target(s', a*), what Q(s, a) should be, float32 [B]."""
        next_values = self.target(batch.next_observations, training=True, state=state)
        next_actions = self.next_actions(batch, next_values, state)
        return batch.returns + batch.discounts * tf.gather(next_values, next_actions, batch_dims=1)
