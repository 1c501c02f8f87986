"""The convolution of MinAtar's DQN network."""

from __future__ import annotations

import tensorflow as tf
import tf_keras

DENSE_UNITS = 128
"""Units of the fully connected layer behind it; the width does not scale it."""
_CHANNELS = 16


def encoder(x: tf.Tensor, width: float, *, dtype: tf_keras.mixed_precision.Policy) -> tf.Tensor:
    """Returns the features of scaled frames, as in Young and Tian (2019): one convolution, no padding.

    Args:
      x: symbolic [B, 10, 10, C], in [0, 1].
      width: multiplies the channels.
      dtype: policy of every layer.

    Returns:
      Symbolic [B, 8, 8, 16 * width].
    """
    return tf_keras.layers.Conv2D(
        max(1, round(_CHANNELS * width)),
        3,
        activation="relu",
        kernel_initializer="glorot_uniform",
        name="conv",
        dtype=dtype,
    )(x)
