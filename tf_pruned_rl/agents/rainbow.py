"""Rainbow's learning rule as in Dopamine: C51 (Bellemare et al., 2017) on n-step transitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf
from tf_agents.agents.categorical_dqn import categorical_dqn_agent

from tf_pruned_rl.agents import conservative, outputs, q_learning
from tf_pruned_rl.compute import StepState
from tf_pruned_rl.config import GameConfig
from tf_pruned_rl.environments import DiscreteSpec

if TYPE_CHECKING:
    from tf_pruned_rl.replay.batch import Batch


def project(positions: tf.Tensor, probabilities: tf.Tensor, support: tf.Tensor) -> tf.Tensor:
    """Projects a distribution onto evenly spaced atoms (Bellemare et al., 2017, equation 7).

    m_i = sum_j clip(1 - |clip(x_j) - z_i| / dz, 0, 1) p_j: each mass is shared by the two atoms
    around it, and mass beyond the ends goes to the end atoms.

    Args:
      positions: float32 [B, M], where the masses x_j lie.
      probabilities: float32 [B, M], the masses p_j.
      support: float32 [n], the atoms z_i, rising.

    Returns:
      float32 [B, n]; each row has the sum of its masses.
    """
    spacing = (support[-1] - support[0]) / (support.shape[0] - 1)
    clipped = tf.clip_by_value(positions, support[0], support[-1])
    distance = tf.abs(clipped[:, None, :] - support[None, :, None]) / spacing
    # No matrix product, here and below: a GPU would round its factors to TF32's ten bits.
    return tf.reduce_sum(tf.clip_by_value(1 - distance, 0, 1) * probabilities[:, None, :], axis=-1)


class RainbowAgent(q_learning.QLearning, categorical_dqn_agent.CategoricalDqnAgent):
    """TF-Agents' CategoricalDqnAgent with the C51 loss on a replay batch.

    The n-step returns come with the batch; prioritized replay stands outside. Dopamine's compact
    Rainbow has no double Q-learning, no dueling and no noise; data-efficient Rainbow has all three.
    With ``cql_alpha`` the loss is that of conservative Q-learning.
    """

    def __init__(self, config: GameConfig, spec: DiscreteSpec) -> None:
        """Builds both networks, equal.

        Args:
          config: ``config.learning`` gives ``num_atoms`` and ``v_max``.
          spec: of the game; A actions.
        """
        learner = config.learning
        time_step_spec, action_spec = q_learning.specs(spec)
        super().__init__(
            time_step_spec,
            action_spec,
            q_learning.QNetwork(
                time_step_spec.observation, config.network, spec.num_actions, learner.num_atoms
            ),
            min_q_value=-learner.v_max,
            max_q_value=learner.v_max,
            **q_learning.tf_agents_arguments(config),
        )
        self.support = outputs.atoms(learner.v_max, learner.num_atoms)
        self.prepare(config)

    def loss_per_example(self, batch: Batch, state: StepState | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the cross-entropy of each transition, float32 [B], and Q(s, .), float32 [B, A].

        No gradient flows to the target.
        """
        logits = self.online(batch.observations, training=True, state=state)
        log_probabilities = tf.nn.log_softmax(tf.gather(logits, batch.actions, batch_dims=1))
        target = tf.stop_gradient(self.target_distribution(batch, state))
        losses = -tf.reduce_sum(target * log_probabilities, axis=1)
        q_values = outputs.q_values(logits, self.support)
        if self._cql_alpha:
            losses += self._cql_alpha * conservative.term(q_values, batch.actions)
        return losses, q_values

    def target_values(self, batch: Batch, state: StepState | None = None) -> tf.Tensor:
        """Returns the means of the projected targets, float32 [B]."""
        return outputs.mean(self.target_distribution(batch, state), self.support)

    def target_distribution(self, batch: Batch, state: StepState | None = None) -> tf.Tensor:
        """Returns the projection of R + discount * Z_target(s', a*), float32 [B, num_atoms]."""
        next_logits = self.target(batch.next_observations, training=True, state=state)
        next_actions = self.next_actions(batch, next_logits, state)
        next_probabilities = tf.nn.softmax(next_logits)
        positions = batch.returns[:, None] + batch.discounts[:, None] * self.support
        return project(positions, tf.gather(next_probabilities, next_actions, batch_dims=1), self.support)
