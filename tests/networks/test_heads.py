"""The shapes and the precision of the values."""

from __future__ import annotations

import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl.networks import heads


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize(("num_atoms", "shape"), [(1, (3, 6)), (2, (3, 6, 2)), (51, (3, 6, 51))])
def test_values_are_float32_and_of_one_row_per_action(policy: str, num_atoms: int, shape: tuple) -> None:
    dtype = tf_keras.mixed_precision.Policy(policy)
    inputs = tf_keras.Input((2, 2, 8), dtype=dtype.compute_dtype)
    outputs = heads.q_head(inputs, 6, num_atoms, initializer="glorot_uniform", dtype=dtype)
    model = tf_keras.Model(inputs, outputs)
    values = model(tf.ones((3, 2, 2, 8), dtype.compute_dtype))
    assert values.dtype == tf.float32
    assert values.shape == shape
    assert model.get_layer("dense").units == 512


def test_both_layers_draw_their_own_weights() -> None:
    # An initialiser object that is shared gives equal kernels to layers of equal shape.
    initializer = tf_keras.initializers.VarianceScaling()
    inputs = tf_keras.Input((1, 1, 512))
    dtype = tf_keras.mixed_precision.Policy("float32")
    outputs = heads.q_head(inputs, 512, 1, initializer=initializer, dtype=dtype)
    model = tf_keras.Model(inputs, outputs)
    first, second = model.get_layer("dense").kernel, model.get_layer("head").kernel
    assert not tf.reduce_any(first == second)
