"""The dense product of a single action, which most of the features do not take part in."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

import tensorflow as tf

# Below it, to look for the features that are not 0 takes longer than the product.
_FEWEST_FEATURES = 1024

_CHOOSES: contextvars.ContextVar[bool] = contextvars.ContextVar("chooses", default=False)


@contextlib.contextmanager
def choosing() -> Iterator[None]:
    """Within it dense layers read only those of a kernel's rows whose feature is not 0, where that pays.

    After a ReLU half of the features or more are 0, and the product of a single row with a kernel of
    megabytes takes as long as to read the kernel (docs/performance-tried.md). Only where actions are chosen
    while learning: gradients do without, and so do exported policies, as neither XLA nor TensorFlow Lite
    has this product.
    """
    token = _CHOOSES.set(True)
    try:
        yield
    finally:
        _CHOOSES.reset(token)


def pays(x: tf.Tensor) -> bool:
    """Says whether ``product`` is to be used for x, [B, features]: within ``choosing``, on the CPU.

    In float32 alone: in bfloat16 it would add up in bfloat16.
    """
    if not _CHOOSES.get() or tf.config.list_logical_devices("GPU"):
        return False
    return x.shape[0] == 1 and x.shape[1] >= _FEWEST_FEATURES and x.dtype == tf.float32


def product(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Returns x kernel, [B, units], of float32 [B, features] and [features, units].

    A feature of 0 counts as 0 whatever its row is, be it NaN.
    """
    return tf.sparse.sparse_dense_matmul(tf.sparse.from_dense(x), kernel)
