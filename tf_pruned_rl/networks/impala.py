"""The convolutions of the 15-layer IMPALA ResNet."""

from __future__ import annotations

import tensorflow as tf
import tf_keras

# Channels of the three stacks at width 1 (Espeholt et al., 2018, figure 3).
_STACKS = (16, 32, 32)
_BLOCKS = 2


def encoder(x: tf.Tensor, width: float, *, dtype: tf_keras.mixed_precision.Policy) -> tf.Tensor:
    """Returns the features of scaled frames.

    The first convolution of a stack is initialised glorot_uniform and the residual ones
    lecun_normal, as in Dopamine's ImpalaEncoder.

    Args:
      x: symbolic [B, 84, 84, 4], or [B, 10, 10, C] of MinAtar, in [0, 1].
      width: multiplies the channels.
      dtype: policy of every layer.

    Returns:
      Symbolic [B, 11, 11, 32 * width], or [B, 2, 2, 32 * width] of MinAtar, not negative.
    """
    for number, channels in enumerate(_STACKS, start=1):
        x = _stack(x, max(1, round(channels * width)), number, dtype)
    return tf_keras.layers.ReLU(name="relu", dtype=dtype)(x)


def _stack(x: tf.Tensor, channels: int, number: int, dtype: tf_keras.mixed_precision.Policy) -> tf.Tensor:
    """Halves the image (SAME padding) and adds two residual blocks."""
    name = f"stack{number}"

    def convolution(suffix: str, initializer: str, activation: str | None = None) -> tf_keras.layers.Layer:
        return tf_keras.layers.Conv2D(
            channels,
            3,
            padding="same",
            activation=activation,
            kernel_initializer=initializer,
            name=f"{name}_{suffix}",
            dtype=dtype,
        )

    x = convolution("conv", "glorot_uniform")(x)
    x = tf_keras.layers.MaxPool2D(3, strides=2, padding="same", name=f"{name}_pool", dtype=dtype)(x)
    for block in range(1, _BLOCKS + 1):
        y = tf_keras.layers.ReLU(name=f"{name}_block{block}_relu", dtype=dtype)(x)
        y = convolution(f"block{block}_conv1", "lecun_normal", activation="relu")(y)
        y = convolution(f"block{block}_conv2", "lecun_normal")(y)
        x = tf_keras.layers.Add(name=f"{name}_block{block}_add", dtype=dtype)([x, y])
    return x
