"""The product of the features that are not 0, against all of them, and where it is used."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl.networks import active
from tf_pruned_rl.networks.dense import Dense

PRODUCT = "SparseTensorDenseMatMul"


def _features(rows: int = 1, count: int = 2048) -> np.ndarray:
    features = np.random.default_rng(5).normal(0, 1, (rows, count)).astype(np.float32)
    return np.maximum(features, 0)


def _operations(layer: Dense, shape: tuple[int | None, int], context) -> set[str]:
    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)])
    def outputs(x: tf.Tensor) -> tf.Tensor:
        with context():
            return layer(x)

    return {operation.type for operation in outputs.get_concrete_function().graph.get_operations()}


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_it_is_the_product_in_float64(share):
    # Of some thousand terms of size 1, float32 is off by 1e-4 at the very most.
    x = _features()
    x[:, : int(share * x.shape[1])] = 0
    kernel = np.random.default_rng(6).normal(0, 1, (x.shape[1], 7)).astype(np.float32)
    expected = x.astype(np.float64) @ kernel
    np.testing.assert_allclose(active.product(tf.constant(x), tf.constant(kernel)), expected, atol=1e-4)


def test_nan_in_a_feature_or_in_a_row_that_counts_is_kept():
    x, kernel = _features(), np.ones((2048, 3), np.float32)
    x[0, :2] = np.nan, 1
    assert np.isnan(active.product(tf.constant(x), tf.constant(kernel))).all()
    x[0, 0] = 1
    kernel[1] = np.nan
    assert np.isnan(active.product(tf.constant(x), tf.constant(kernel))).all()


def test_a_layer_that_chooses_computes_what_it_does_otherwise():
    layer = Dense(5, activation="relu")
    x = tf.constant(_features())
    expected = layer(x)
    with active.choosing():
        np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)
    assert np.ptp(expected) > 0.1


@pytest.mark.parametrize(
    ("context", "shape", "dtype", "used"),
    [
        (active.choosing, (1, 2048), "float32", True),
        (contextlib.nullcontext, (1, 2048), "float32", False),
        (active.choosing, (2, 2048), "float32", False),
        (active.choosing, (None, 2048), "float32", False),
        (active.choosing, (1, 128), "float32", False),
        (active.choosing, (1, 2048), "mixed_bfloat16", False),
    ],
    ids=["single", "not choosing", "two", "any number", "few features", "bfloat16"],
)
def test_it_is_used_for_single_rows_of_many_features_where_actions_are_chosen(context, shape, dtype, used):
    assert (PRODUCT in _operations(Dense(5, dtype=dtype), shape, context)) == used


def test_it_is_not_used_on_a_gpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    assert PRODUCT not in _operations(Dense(5), (1, 2048), active.choosing)
