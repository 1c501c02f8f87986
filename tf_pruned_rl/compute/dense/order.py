"""In which order a backward pass computes its products, where each operation has a core to itself.

Inputs' gradients are one chain through the whole network, and nothing but their own order holds up the
gradients of kernels. TensorFlow begins whatever is ready: a core that computes a kernel's gradient while
the chain waits for it is idle at the end, when only the chain is left (docs/performance-tried.md). Here
kernels' gradients wait for each other instead, so that the chain has one core and they have the other.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

import tensorflow as tf
import tf_keras

from tf_pruned_rl.compute.computation import StepState
from tf_pruned_rl.networks import graph

Multiply = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

# Pixels of the images above which a convolution counts as large.
_LARGE = 1000
# Convolutions up to which a network leaves them all free: so the Nature network's three were measured.
_FEW = 3


class Turn(enum.Enum):
    """When a kernel's gradient is computed."""

    FREE = "as soon as TensorFlow can"
    WAITING = "after the last one that was chained; several may be computed side by side"
    CHAINED = "after the last one that was chained, and the next ones after it"


def turns(model: tf_keras.Model) -> dict[tf_keras.layers.Layer, Turn]:
    """Returns {convolution: when its kernel's gradient is computed}.

    In the backward pass the kernels' gradients of convolutions on small images are chained. Those on large
    ones, in the ResNet more than half of the work, follow side by side: by then the inputs' gradients are
    nearly done. Of the very first layer no inputs' gradient is computed, and its kernel's is free.

    Args:
      model: functional.
    """
    convolutions = [layer for layer in graph.weighted(model) if isinstance(layer, tf_keras.layers.Conv2D)]
    if len(convolutions) <= _FEW:
        return dict.fromkeys(convolutions, Turn.FREE)
    first = graph.weighted(model)[0]
    return {layer: Turn.FREE if layer is first else _by_size(layer) for layer in convolutions}


def _by_size(layer: tf_keras.layers.Conv2D) -> Turn:
    rows, columns = layer.input_shape[1:3]
    large = rows is None or columns is None or rows * columns > _LARGE
    return Turn.WAITING if large else Turn.CHAINED


def product(
    multiply: Multiply,
    x: tf.Tensor,
    kernel: tf.Tensor,
    state: StepState | None,
    turn: Turn,
    *,
    after_inputs: bool = False,
) -> tf.Tensor:
    """Returns ``multiply(x, kernel)``; within a gradient step its gradients are ordered, and the same.

    Args:
      multiply: bilinear, a product of matrices or a convolution.
      x: the layer's inputs.
      kernel: its weights.
      state: of the gradient step; None: nothing is ordered.
      turn: of the kernel's gradient.
      after_inputs: it waits for the inputs' gradient too.
    """
    if state is None or turn is Turn.FREE:
        return multiply(x, kernel)
    last = state.last_kernel_gradient

    @tf.custom_gradient
    def ordered(x: tf.Tensor, kernel: tf.Tensor):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([x, kernel])
            y = multiply(x, kernel)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            of_inputs = tape.gradient(y, x, upstream)
            with tf.control_dependencies(last + [of_inputs] * after_inputs):
                of_kernel = tape.gradient(y, kernel, upstream)
            if turn is Turn.CHAINED:
                last[:] = [of_kernel]
            return of_inputs, of_kernel

        return y, gradient

    return ordered(x, kernel)
