"""Conservative Q-learning's term (Kumar et al., 2020): actions that the data do not hold are worth less."""

from __future__ import annotations

import tensorflow as tf


class NoTerm:
    """Adds nothing to a loss."""

    def __call__(self, q_values: tf.Tensor, actions: tf.Tensor) -> float:
        """Returns 0."""
        del q_values, actions
        return 0.0


class Conservative:
    """alpha (log sum_a exp Q(s, a) - Q(s, a_data)): CQL(H), as Dopamine's labs/offline_rl adds it."""

    def __init__(self, alpha: float):
        """Takes the weight of the term."""
        self._alpha = alpha

    def __call__(self, q_values: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
        """Returns the term of each transition, float32 [B].

        Args:
          q_values: float32 [B, A].
          actions: int32 [B], those of the data.
        """
        chosen = tf.gather(q_values, actions, batch_dims=1)
        return self._alpha * (tf.reduce_logsumexp(q_values, axis=1) - chosen)


def create(alpha: float) -> Conservative | NoTerm:
    """Returns the term with weight ``alpha``, or the object that adds nothing if that is 0."""
    return Conservative(alpha) if alpha else NoTerm()
