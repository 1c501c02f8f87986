"""Conservative Q-learning's term (Kumar et al., 2020): actions that the data do not hold are worth less."""

from __future__ import annotations

import tensorflow as tf


def term(q_values: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
    """Returns log sum_a exp Q(s, a) - Q(s, a_data) of each transition, float32 [B].

    CQL(H), as Dopamine's labs/offline_rl adds it to the loss, with a weight.

    Args:
      q_values: float32 [B, A].
      actions: int32 [B], those of the data.
    """
    chosen = tf.gather(q_values, actions, batch_dims=1)
    return tf.reduce_logsumexp(q_values, axis=1) - chosen
