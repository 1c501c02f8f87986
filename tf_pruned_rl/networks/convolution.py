"""Keras's convolution, with gradients in an order, and of a form, that two cores compute faster."""

from __future__ import annotations

import tensorflow as tf
import tf_keras

from tf_pruned_rl.networks import order, rectifier, weights


@tf.custom_gradient
def _add_bias(x: tf.Tensor, bias: tf.Tensor):
    """Adds float32 [C] to [B, H, W, C]; its gradient is a sum over B, H and W, as a product with ones."""

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        rows = tf.reshape(upstream, [-1, upstream.shape[-1]])
        return upstream, tf.matmul(tf.ones([1, tf.shape(rows)[0]]), rows)[0]

    return tf.nn.bias_add(x, bias), gradient


class Conv2D(tf_keras.layers.Conv2D):
    """A convolution that computes what Keras's does, in a shorter backward pass on the CPU.

    oneDNN joins a BiasAddGrad and the filter's gradient in one kernel, which in float32 takes up to
    twice as long as the two apart (benchmarks: docs/performance-tried.md). A product is not joined, and takes
    half the time of TensorFlow's sum.

    Attributes:
      in_turn: of the filter's gradient, see ``order.product``; None leaves it out of the order.
    """

    def __init__(self, *arguments: object, in_turn: bool | None = None, **keywords: object) -> None:
        """Takes ``in_turn``, and what Keras's layer takes."""
        super().__init__(*arguments, **keywords)
        self.in_turn = in_turn

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns activation(inputs * kernel + bias), [B, H, W, C] in the compute dtype."""
        kernel = weights.read(self.kernel)
        if self.in_turn is None:
            outputs = self.convolution_op(inputs, kernel)
        else:
            outputs = order.product(self.convolution_op, inputs, kernel, in_turn=self.in_turn)
        # In bfloat16 the joint kernel is the faster one.
        add = _add_bias if self.compute_dtype == "float32" else tf.nn.bias_add
        return rectifier.activate(add(outputs, weights.read(self.bias)), self.activation)

    def get_prunable_weights(self) -> list[tf.Variable]:
        """Returns what tfmot may prune: the filters, as of Keras's own layer."""
        return [self.kernel]

    def get_config(self) -> dict:
        """See Keras."""
        return super().get_config() | {"in_turn": self.in_turn}
