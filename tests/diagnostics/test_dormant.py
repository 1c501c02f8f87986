"""Dormant neurons against numpy in float64, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl.diagnostics import dormant


@pytest.mark.parametrize("shape", [(64, 40), (16, 5, 6, 12)])
def test_scores_equal_float64(shape):
    outputs = np.maximum(np.random.default_rng(0).normal(size=shape), 0).astype(np.float32)
    means = np.abs(outputs.astype(np.float64)).reshape(-1, shape[-1]).mean(axis=0)
    scores = dormant.scores(dormant.mean_activation(tf.constant(outputs)))
    np.testing.assert_allclose(scores, means / means.mean(), rtol=1e-5)
    assert float(tf.reduce_sum(scores)) == pytest.approx(shape[-1], rel=1e-5)


def test_three_dead_of_eight():
    layer = tf_keras.layers.Dense(8, activation="relu")
    layer.build((None, 5))
    layer.kernel.assign(tf.ones((5, 8)))
    layer.bias.assign([1.0, -100.0, 1.0, 1.0, -100.0, 1.0, -100.0, 1.0])
    inputs = np.random.default_rng(1).uniform(0.1, 1, (32, 5)).astype(np.float32)
    means = dormant.mean_activation(layer(inputs))
    assert dormant.count(means, 0.0) == 3
    assert np.flatnonzero(dormant.scores(means) == 0).tolist() == [1, 4, 6]


def test_threshold_includes_its_own_value_and_a_silent_layer_is_all_dormant():
    means = tf.constant([0.0, 1.0, 2.0, 5.0])  # mean 2: scores 0, 0.5, 1, 2.5
    assert [dormant.count(means, tau) for tau in (0.0, 0.4, 0.5, 1.0, 2.0, 3.0)] == [1, 1, 2, 3, 3, 4]
    assert dormant.count(tf.zeros(6), 0.0) == 6
