"""The dense layer whose kernel's gradient waits, against Keras's layer."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import pruning
from tf_pruned_rl.networks.dense import Dense
from tf_pruned_rl.networks.order import kernels_in_turn


@pytest.mark.parametrize("context", [contextlib.nullcontext, kernels_in_turn])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("mixed_bfloat16", 1e-6)])
def test_values_and_all_gradients_are_those_of_keras(dtype: str, tolerance: float, context) -> None:
    # Relative to the largest entry: both compute the same products in the same precision.
    rng = np.random.default_rng(2)
    weights = [rng.normal(0, 0.3, (7, 5)), rng.normal(0, 0.3, 5)]
    x = tf.constant(rng.normal(0, 1, (6, 7)), tf.float32)

    def everything(layer: tf_keras.layers.Layer) -> list[tf.Tensor]:
        with context(), tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(tf.cast(y, tf.float32) ** 2)
            return [y, *tape.gradient(loss, [x, layer.kernel, layer.bias])]

    found = []
    for kind in (Dense, tf_keras.layers.Dense):
        layer = kind(5, activation="relu", dtype=dtype)
        layer.build([None, 7])
        layer.set_weights(weights)
        found.append(tf.function(everything)(layer))
    for mine, expected in zip(*found, strict=True):
        assert mine.dtype == expected.dtype
        expected = tf.cast(expected, tf.float64).numpy()
        error = np.abs(tf.cast(mine, tf.float64).numpy() - expected).max()
        assert error <= tolerance * np.abs(expected).max()


def test_the_layer_can_be_pruned_and_saved(tmp_path) -> None:
    model = tf_keras.Sequential([tf_keras.Input((8,)), Dense(4)])
    pruner = pruning.Pruner(model, sparsity=0.5, begin_step=0, end_step=1, every=1)
    pruner.after_gradient_step(tf.constant(1))
    assert pruner.sparsity() == 0.5
    x = tf.random.stateless_normal([2, 8], seed=(1, 2))
    tf.saved_model.save(model, str(tmp_path / "model"))
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    np.testing.assert_allclose(loaded(x), model(x), rtol=1e-6)
