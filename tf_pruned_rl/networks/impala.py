"""The convolutions of the 15-layer IMPALA ResNet."""

from __future__ import annotations

import tensorflow as tf
import tf_keras

from tf_pruned_rl.networks.convolution import Conv2D
from tf_pruned_rl.networks.parts import PartedConv2D, PartedMaxPool2D

# Channels of the three stacks at width 1 (Espeholt et al., 2018, figure 3).
_STACKS = (16, 32, 32)
_BLOCKS = 2


class Residual(tf_keras.layers.Add):
    """Adds a block's output to its input, in a form that TensorFlow's graph fusions leave alone.

    They would join the additions of two blocks with the convolutions before them, do the one and lose the
    other (TensorFlow 2.19: "fanout exist for missing node"), and with it every fusion of the graph.
    """

    def _merge_function(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        x, y = inputs
        return x + tf.ensure_shape(y, y.shape)


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
    """Halves the image (SAME padding) and adds two residual blocks.

    In the backward pass the filters' gradients of the small images have their turns one after another.
    Those of the large ones, more than half of the work, follow side by side: by then the inputs'
    gradients are nearly done. The very first convolution has no gradient of its inputs to wait for it.
    """
    name = f"stack{number}"

    def convolution(
        suffix: str,
        initializer: str,
        activation: str | None = None,
        *,
        in_turn: bool | None,
        kind: type[Conv2D] = Conv2D,
    ) -> tf_keras.layers.Layer:
        return kind(
            channels,
            3,
            padding="same",
            activation=activation,
            kernel_initializer=initializer,
            name=f"{name}_{suffix}",
            dtype=dtype,
            in_turn=in_turn,
        )

    in_turn = None if number == 1 else number > 2
    x = convolution("conv", "glorot_uniform", in_turn=in_turn, kind=PartedConv2D)(x)
    x = PartedMaxPool2D(3, strides=2, padding="same", name=f"{name}_pool", dtype=dtype)(x)
    for block in range(1, _BLOCKS + 1):
        y = tf_keras.layers.ReLU(name=f"{name}_block{block}_relu", dtype=dtype)(x)
        y = convolution(f"block{block}_conv1", "lecun_normal", activation="relu", in_turn=number > 1)(y)
        y = convolution(f"block{block}_conv2", "lecun_normal", in_turn=number > 1)(y)
        x = Residual(name=f"{name}_block{block}_add", dtype=dtype)([x, y])
    return x
