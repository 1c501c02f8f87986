"""Gradients and losses beside training: right in every weight, and without a trace."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import agents, config
from tf_pruned_rl.agents.gradients import dense_gradients, undisturbed
from tf_pruned_rl.environments import BoxSpec
from tf_pruned_rl.replay.batch import Batch


def test_gradients_are_of_the_mean_loss_and_pruned_weights_have_theirs(make_agent, batch):
    agent = make_agent("dqn")
    head = agent.model.get_layer("head")
    head.kernel.assign(head.kernel * np.random.default_rng(0).integers(0, 2, head.kernel.shape))
    found = dense_gradients(agent, batch)
    assert set(found) == {variable.ref() for variable in agent.model.trainable_variables}
    # mean (Q(s, a) - y)^2 by the head's weights: 2 e f / B in the column of the action.
    features = tf_keras.Model(agent.model.inputs, agent.model.get_layer("dense").output)(batch.observations)
    errors = (agent.estimates(batch)[1] - agent.target_values(batch)).numpy().astype(np.float64)
    expected = np.zeros(head.kernel.shape)
    for feature, error, action in zip(features.numpy(), errors, batch.actions.numpy(), strict=True):
        expected[:, action] += 2 * error * feature.astype(np.float64) / len(errors)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found[head.kernel.ref()], expected, rtol=1e-5, atol=1e-5 * scale)
    assert np.abs(found[head.kernel.ref()].numpy()[head.kernel.numpy() == 0]).max() > 0.01 * scale


def generators(agent) -> list[np.ndarray]:
    models = (agent.model, agent.target_model)
    return [
        layer.generator.state.numpy() for m in models for layer in m.layers if hasattr(layer, "generator")
    ]


@pytest.mark.parametrize("graph", [False, True])
def test_noise_goes_on_as_if_nobody_had_looked(make_agent, batch, graph):
    agent = make_agent("der")

    def look():
        with undisturbed(agent):
            return agent.exploring_q_values(batch.observations), agent.loss_per_example(batch)[0]

    look = tf.function(look) if graph else look
    before = generators(agent)
    assert len(before) == 6
    (first, losses), (again, _) = look(), look()
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, agent.q_values(batch.observations)), "it did draw"
    assert np.isfinite(losses).all()
    for state, now in zip(before, generators(agent), strict=True):
        np.testing.assert_array_equal(state, now)
    agent.loss_per_example(batch)
    assert not all(map(np.array_equal, before, generators(agent)))


def test_sac_has_gradients_for_all_its_networks():
    tf_keras.utils.set_random_seed(1)
    agent = agents.create(config.replace(config.preset("sac"), width=0.25), BoxSpec(3, (-2.0,), (2.0,)))
    rng = np.random.default_rng(0)
    numbers = {
        name: tf.constant(rng.normal(size=shape), tf.float32)
        for name, shape in {
            "observations": (6, 3),
            "actions": (6, 1),
            "returns": (6,),
            "discounts": (6,),
            "next_observations": (6, 3),
        }.items()
    }
    batch = Batch(**numbers, indices=tf.range(6, dtype=tf.int64), probabilities=tf.ones(6))
    found = dense_gradients(agent, batch)
    for name, model in agent.networks.items():
        for variable in model.trainable_variables:
            gradient = found[variable.ref()].numpy()
            assert gradient.shape == variable.shape and np.abs(gradient).max() > 0, (name, variable.name)
    again = dense_gradients(agent, batch)
    for reference, gradient in found.items():
        np.testing.assert_array_equal(again[reference], gradient)
