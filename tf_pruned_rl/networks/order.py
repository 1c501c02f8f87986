"""In which order a backward pass computes its products, where each operation has a core to itself.

Inputs' gradients are one chain through the whole network, and nothing but their own order holds up the
gradients of kernels. TensorFlow begins whatever is ready: a core that computes a kernel's gradient while
the chain waits for it is idle at the end, when only the chain is left (docs/performance-tried.md). Here
kernels' gradients wait for each other instead, so that the chain has one core and they have the other.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator

import tensorflow as tf

Multiply = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

# Within a pass that is ordered: the kernel's gradient that had its turn last, once there is one.
_LAST: contextvars.ContextVar[list[tf.Tensor] | None] = contextvars.ContextVar("last", default=None)


@contextlib.contextmanager
def kernels_in_turn() -> Iterator[None]:
    """Within it, forward and backward pass, the kernels' gradients of layers that ask for it are ordered."""
    token = _LAST.set([])
    try:
        yield
    finally:
        _LAST.reset(token)


def product(
    multiply: Multiply, x: tf.Tensor, kernel: tf.Tensor, *, in_turn: bool = True, after_inputs: bool = False
) -> tf.Tensor:
    """Returns ``multiply(x, kernel)``; within ``kernels_in_turn`` its gradients are ordered, and the same.

    Args:
      multiply: bilinear, a product of matrices or a convolution.
      x: the layer's inputs.
      kernel: its weights.
      in_turn: the kernel's gradient waits for the last one that had its turn, and the next one for it.
        False: it only waits; all such gradients may then be computed side by side.
      after_inputs: it waits for the inputs' gradient too.
    """
    last = _LAST.get()
    if last is None:
        return multiply(x, kernel)

    @tf.custom_gradient
    def ordered(x: tf.Tensor, kernel: tf.Tensor):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([x, kernel])
            y = multiply(x, kernel)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            of_inputs = tape.gradient(y, x, upstream)
            with tf.control_dependencies(last + [of_inputs] * after_inputs):
                of_kernel = tape.gradient(y, kernel, upstream)
            if in_turn:
                last.clear()
                last.append(of_kernel)
            return of_inputs, of_kernel

        return y, gradient

    return ordered(x, kernel)
