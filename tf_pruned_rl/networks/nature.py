"""The convolutions of the Nature DQN network."""

from __future__ import annotations

import tensorflow as tf
import tf_keras

# (channels at width 1, kernel, stride) of Mnih et al., 2015.
_CONVOLUTIONS = ((32, 8, 4), (64, 4, 2), (64, 3, 1))


def encoder(
    x: tf.Tensor,
    width: float,
    *,
    initializer: tf_keras.initializers.Initializer | str,
    dtype: tf_keras.mixed_precision.Policy,
) -> tf.Tensor:
    """Returns the features of scaled frames.

    Padding is SAME, as in Dopamine's JAX network: 84x84 becomes 11x11, not the 7x7 of the original.

    Args:
      x: symbolic [B, 84, 84, 4], in [0, 1].
      width: multiplies the channels.
      initializer: of every kernel.
      dtype: policy of every layer.

    Returns:
      Symbolic [B, 11, 11, 64 * width].
    """
    config = tf_keras.initializers.serialize(tf_keras.initializers.get(initializer))
    for number, (channels, kernel, stride) in enumerate(_CONVOLUTIONS, start=1):
        x = tf_keras.layers.Conv2D(
            max(1, round(channels * width)),
            kernel,
            strides=stride,
            padding="same",
            activation="relu",
            kernel_initializer=config,
            name=f"conv{number}",
            dtype=dtype,
        )(x)
    return x
