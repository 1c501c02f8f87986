"""A layer's weights in the precision that it computes in, cast once for everybody who reads them."""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
from collections.abc import Iterator

import tensorflow as tf


@dataclasses.dataclass
class _Casts:
    """What was cast in a graph, or eagerly: by variable and type."""

    graph: tf.Graph
    made: dict[tuple[int, tf.DType], tf.Tensor] = dataclasses.field(default_factory=dict)


_CASTS: contextvars.ContextVar[_Casts | None] = contextvars.ContextVar("casts", default=None)


@contextlib.contextmanager
def cast_once() -> Iterator[None]:
    """Within it no weight is cast twice; to be left before one is written.

    Those who act while a gradient step is made read its forward pass's casts, and of a dense layer's two
    million weights the cast takes as long as the product with them (docs/performance-tried.md).
    """
    token = _CASTS.set(_Casts(tf.compat.v1.get_default_graph()))
    try:
        yield
    finally:
        _CASTS.reset(token)


def read(variable: tf.Variable) -> tf.Tensor:
    """Returns a layer's weight, to be called in its ``call``, where Keras casts what it reads.

    A weight that needs no cast is read afresh: its value is the variable's own memory, which the
    optimizer would have to copy before it writes while somebody still holds it.
    """
    casts = _CASTS.get()
    if casts is None or variable.dtype == getattr(variable, "true_dtype", variable.dtype):
        return tf.convert_to_tensor(variable)
    key = id(variable), variable.dtype
    if key not in casts.made:
        value = tf.convert_to_tensor(variable)
        if tf.compat.v1.get_default_graph() is not casts.graph:
            return value  # of a branch or a loop, and unknown outside of it
        casts.made[key] = value
    return casts.made[key]
