"""Keras's convolution, with gradients in an order, and of a form, that two cores compute faster."""

from __future__ import annotations

import tensorflow as tf
import tf_keras

from tf_pruned_rl.networks import order


@tf.custom_gradient
def _add_bias(x: tf.Tensor, bias: tf.Tensor):
    """Adds float32 [C] to [B, H, W, C]; its gradient is a plain sum over B, H and W."""

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return upstream, tf.reduce_sum(upstream, [0, 1, 2])

    return tf.nn.bias_add(x, bias), gradient


class Conv2D(tf_keras.layers.Conv2D):
    """A convolution that computes what Keras's does, in a shorter backward pass on the CPU.

    oneDNN joins a BiasAddGrad and the filter's gradient in one kernel, which in float32 takes up to
    twice as long as the two apart (benchmarks: docs/performance.md). A sum is not joined.

    Attributes:
      in_turn: of the filter's gradient, see ``order.product``; None leaves it out of the order.
    """

    def __init__(self, *arguments: object, in_turn: bool | None = None, **keywords: object) -> None:
        """Takes ``in_turn``, and what Keras's layer takes."""
        super().__init__(*arguments, **keywords)
        self.in_turn = in_turn

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns activation(inputs * kernel + bias), [B, H, W, C] in the compute dtype."""
        if self.in_turn is None:
            outputs = self.convolution_op(inputs, self.kernel)
        else:
            outputs = order.product(self.convolution_op, inputs, self.kernel, in_turn=self.in_turn)
        # Sums in bfloat16 would lose digits.
        add = _add_bias if self.compute_dtype == "float32" else tf.nn.bias_add
        return self.activation(add(outputs, self.bias))

    def get_prunable_weights(self) -> list[tf.Variable]:
        """Returns what tfmot may prune: the filters, as of Keras's own layer."""
        return [self.kernel]

    def get_config(self) -> dict:
        """See Keras."""
        return super().get_config() | {"in_turn": self.in_turn}
