"""Keras's convolution, with a bias gradient that leaves the filter's alone."""

from __future__ import annotations

import tensorflow as tf
import tf_keras


@tf.custom_gradient
def _add_bias(x: tf.Tensor, bias: tf.Tensor):
    """Adds float32 [C] to [B, H, W, C]; its gradient is a plain sum over B, H and W."""

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return upstream, tf.reduce_sum(upstream, [0, 1, 2])

    return tf.nn.bias_add(x, bias), gradient


class Conv2D(tf_keras.layers.Conv2D):
    """A convolution that computes what Keras's does, in a shorter backward pass on the CPU.

    oneDNN joins a BiasAddGrad and the filter's gradient in one kernel, which takes up to twice as
    long as the two apart (benchmarks: docs/performance.md). A sum is not joined.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns activation(inputs * kernel + bias), [B, H, W, C] in the compute dtype."""
        if self.compute_dtype != "float32":  # sums in bfloat16 would lose digits
            return super().call(inputs)
        return self.activation(_add_bias(self.convolution_op(inputs, self.kernel), self.bias))

    def get_prunable_weights(self) -> list[tf.Variable]:
        """Returns what tfmot may prune: the filters, as of Keras's own layer."""
        return [self.kernel]
