"""A ReLU that TensorFlow may join with the product before it, and that then still lets NaN through."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
import tf_keras

# The smallest normal number. Anything less oneDNN takes for zero, and zero for a ReLU.
_SLOPE = float(np.finfo(np.float32).tiny)

_KEEPS_NAN: contextvars.ContextVar[bool] = contextvars.ContextVar("keeps_nan", default=False)


@contextlib.contextmanager
def keep_nan() -> Iterator[None]:
    """Within it, bfloat16 ReLUs keep NaN in graphs that are fused (``fusions``), too.

    Joined with a product and its bias, oneDNN's ReLU makes 0 of NaN: a run whose weights are lost would go
    on with finite losses. Its leaky ReLU keeps NaN, and takes no longer. With this slope it leaves of what
    is negative 1.2e-38 times as much: only where a gradient step is made, for neurons count as dormant
    where they are exactly 0, and policies are exported with plain ReLUs.
    """
    token = _KEEPS_NAN.set(True)
    try:
        yield
    finally:
        _KEEPS_NAN.reset(token)


def activate(x: tf.Tensor, activation: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """Returns activation(x), of a product and its bias; see ``keep_nan``."""
    if _KEEPS_NAN.get() and activation is tf_keras.activations.relu and x.dtype == tf.bfloat16:
        return _leaky(x)
    return activation(x)


@tf.custom_gradient
def _leaky(x: tf.Tensor):
    y = tf.nn.leaky_relu(x, _SLOPE)

    # The leaky one's own gradient reads x, which then could not be left out.
    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.ReluGrad(gradients=upstream, features=y)

    return y, gradient
