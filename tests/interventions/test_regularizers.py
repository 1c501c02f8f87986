"""Weight decay in float64, and normalised features."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import networks
from tf_pruned_rl.config import NetworkConfig
from tf_pruned_rl.networks import graph


def test_decoupled_decay_shrinks_every_parameter(make_learner, replay):
    learner = make_learner(regularizer="weight_decay", decay_rate=100.0, learning_rate=1e-3)
    variables = learner.agent.model.trainable_variables
    before = [variable.numpy().astype(np.float64) for variable in variables]
    learner.regularizer.after_gradient_step(tf.constant(1, tf.int64), replay)
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_allclose(variable, value * (1 - 1e-3 * 100.0), rtol=1e-5)


def test_coupled_decay_is_in_the_gradient(make_learner, replay):
    rate, batch = 0.5, replay.sample()
    plain, decayed = (
        make_learner(regularizer=word, decay_rate=rate, decay_coupled=True, pruning="none")
        for word in ("none", "weight_decay")
    )
    before = [variable.numpy().astype(np.float64) for variable in plain.agent.model.trainable_variables]
    for learner in (plain, decayed):
        tf.function(learner.step)(replay, batch)
    ours, theirs = decayed.agent, plain.agent
    for value, one, other in zip(
        before, ours.model.trainable_variables, theirs.model.trainable_variables, strict=True
    ):
        # After one step Adam's first moment is a tenth of the gradient.
        moment = ours.optimizer.get_slot(one, "m").numpy().astype(np.float64)
        gradient = theirs.optimizer.get_slot(other, "m").numpy().astype(np.float64)
        np.testing.assert_allclose(10 * moment, 10 * gradient + rate * value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("network", ["nature", "impala"])
def test_unit_features(network):
    model = networks.build(NetworkConfig(network=network, width=0.25, regularizer="l2_unit"), num_actions=3)
    features = graph.features(model)["penultimate"]
    probe = tf_keras.Model(model.inputs, [features, model.get_layer("dense").output, model.output])
    unit, raw, values = probe(np.random.default_rng(0).integers(0, 256, (5, 84, 84, 4)).astype(np.uint8))
    expected = (
        raw.numpy().astype(np.float64) / np.linalg.norm(raw.numpy().astype(np.float64), axis=1)[:, None]
    )
    np.testing.assert_allclose(unit, expected, rtol=1e-5, atol=1e-7)
    kernel, bias = model.get_layer("head").get_weights()
    np.testing.assert_allclose(values, expected @ kernel + bias, rtol=1e-4, atol=1e-6)


def test_features_of_zeros_stay_finite_and_so_does_their_gradient():
    model = networks.build(NetworkConfig(network="nature", width=0.25, regularizer="l2_unit"), num_actions=3)
    dense = model.get_layer("dense")
    dense.bias.assign(tf.fill(dense.bias.shape, -1e6))
    with tf.GradientTape() as tape:
        values = model(np.zeros((2, 84, 84, 4), np.uint8))
    gradients = tape.gradient(values, model.trainable_variables)
    assert all(np.isfinite(gradient).all() for gradient in gradients) and np.isfinite(values).all()
