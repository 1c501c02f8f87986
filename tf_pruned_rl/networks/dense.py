"""Keras's dense layer, whose kernel's gradient does not hold up the layers before it."""

from __future__ import annotations

import tensorflow as tf
import tf_keras

from tf_pruned_rl.networks import order, rectifier, weights


class Dense(tf_keras.layers.Dense):
    """A dense layer that computes what Keras's does, of [B, inputs].

    In the backward pass its kernel's gradient, and the optimizer's step with it, come after the inputs'
    gradient, for which all convolutions wait.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns activation(inputs * kernel + bias), [B, units] in the compute dtype."""
        kernel = weights.read(self.kernel)
        outputs = order.product(tf.matmul, inputs, kernel, after_inputs=True)
        return rectifier.activate(tf.nn.bias_add(outputs, weights.read(self.bias)), self.activation)

    def get_prunable_weights(self) -> list[tf.Variable]:
        """Returns what tfmot may prune: the kernel, as of Keras's own layer."""
        return [self.kernel]
