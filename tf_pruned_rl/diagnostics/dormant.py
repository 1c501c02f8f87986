"""Dormant neurons (Sokar et al., 2023, definition 3.1)."""

from __future__ import annotations

import tensorflow as tf

# Keeps a layer without any activity from dividing by 0, as in Dopamine's code.
_EPSILON = 1e-9


def mean_activation(outputs: tf.Tensor) -> tf.Tensor:
    """Returns E|h|, float32 [C], of each neuron.

    Args:
      outputs: float [B, ..., C], after the ReLU; a channel of a convolution is one neuron.
    """
    axes = list(range(outputs.shape.rank - 1))
    return tf.reduce_mean(tf.abs(tf.cast(outputs, tf.float32)), axis=axes)


def scores(means: tf.Tensor) -> tf.Tensor:
    """Returns s_i = E|h_i| / mean_k E|h_k|, float32 [C]; their sum is C.

    Args:
      means: float32 [C], see ``mean_activation``.
    """
    return means / (tf.reduce_mean(means) + _EPSILON)


def count(means: tf.Tensor, threshold: float) -> int:
    """Returns how many neurons of a layer are dormant: s_i <= tau.

    Args:
      means: float32 [C].
      threshold: tau; with 0 those that were never active.
    """
    return int(tf.math.count_nonzero(scores(means) <= threshold))
