"""A layer's weights in the precision that it computes in, cast once in a gradient step."""

from __future__ import annotations

import tensorflow as tf

from tf_pruned_rl.compute.computation import StepState


def read(variable: tf.Variable, dtype: tf.DType, state: StepState | None) -> tf.Tensor:
    """Returns a weight in ``dtype``.

    Actions that are computed while a gradient step is made read its forward pass's casts: of a dense layer's
    two million weights the cast takes as long as the product with them (docs/performance-tried.md).

    A weight that needs no cast is read afresh: its value is the variable's own memory, which the
    optimizer would have to copy before it writes while somebody still holds it.

    Args:
      variable: the weight, as it is stored.
      dtype: what the layer computes in.
      state: of the gradient step that shares its casts, or None.
    """

    def value() -> tf.Tensor:
        return tf.cast(tf.convert_to_tensor(variable), dtype)

    if state is None or variable.dtype == dtype:
        return value()
    return state.once(("cast", id(variable), dtype), value)
