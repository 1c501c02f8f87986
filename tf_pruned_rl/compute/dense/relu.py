"""A ReLU that TensorFlow may join with the product before it, and that then still lets NaN through."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tf_keras

from tf_pruned_rl.compute.computation import StepState

# The smallest normal number. Anything less oneDNN takes for zero, and zero for a ReLU.
_SLOPE = float(np.finfo(np.float32).tiny)


def activate(
    x: tf.Tensor, activation: Callable[[tf.Tensor], tf.Tensor], state: StepState | None
) -> tf.Tensor:
    """Returns activation(x), of a product and its bias; a gradient step's ReLUs in bfloat16 keep NaN.

    Graphs in bfloat16 are fused. Joined with a product and its bias, oneDNN's ReLU makes 0 of NaN: a run
    whose weights are lost would go on with finite losses. Its leaky ReLU keeps NaN, and takes no longer. With
    this slope it leaves of what is negative 1.2e-38 times as much: only in a gradient step, for neurons
    count as dormant where they are exactly 0, and policies are exported with plain ReLUs.

    Args:
      x: float.
      activation: as of a Keras layer.
      state: of the gradient step; None: it is not part of one.
    """
    if state is not None and activation is tf_keras.activations.relu and x.dtype == tf.bfloat16:
        return _leaky(x)
    return activation(x)


@tf.custom_gradient
def _leaky(x: tf.Tensor):
    y = tf.nn.leaky_relu(x, _SLOPE)

    # The leaky one's own gradient reads x, which then could not be left out.
    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.ReluGrad(gradients=upstream, features=y)

    return y, gradient
