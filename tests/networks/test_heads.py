"""The shapes and the precision of the values."""

from __future__ import annotations

import numpy as np
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


def test_dueling_adds_advantages_less_their_mean_to_the_value() -> None:
    rng = np.random.default_rng(0)
    for shape in ((1, 1), (1, 1, 3)):
        value, advantages = rng.normal(size=(2, *shape[1:])), rng.normal(size=(2, 4, *shape[2:]))
        value = value.reshape(2, 1, *shape[2:])
        expected = np.array(
            [[v[0] + a - sum(rows) / 4 for a in rows] for v, rows in zip(value, advantages, strict=True)]
        )
        found = heads.Dueling(dtype="float64")((value, advantages))
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize(("num_atoms", "shape"), [(1, (3, 6)), (51, (3, 6, 51))])
def test_dueling_heads_have_the_same_form(noisy: bool, num_atoms: int, shape: tuple) -> None:
    dtype = tf_keras.mixed_precision.Policy("mixed_bfloat16")
    inputs = tf_keras.Input((2, 2, 8), dtype="bfloat16")
    outputs = heads.q_head(
        inputs, 6, num_atoms, initializer="glorot_uniform", dtype=dtype, dueling=True, noisy=noisy
    )
    values = tf_keras.Model(inputs, outputs)(tf.ones((3, 2, 2, 8), "bfloat16"), training=True)
    assert (values.dtype, values.shape) == (tf.float32, shape)


def test_both_layers_draw_their_own_weights() -> None:
    # An initialiser object that is shared gives equal kernels to layers of equal shape.
    initializer = tf_keras.initializers.VarianceScaling()
    inputs = tf_keras.Input((1, 1, 512))
    dtype = tf_keras.mixed_precision.Policy("float32")
    outputs = heads.q_head(inputs, 512, 1, initializer=initializer, dtype=dtype)
    model = tf_keras.Model(inputs, outputs)
    first, second = model.get_layer("dense").kernel, model.get_layer("head").kernel
    assert not tf.reduce_any(first == second)
