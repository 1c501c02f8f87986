"""ReDo on planted dormant neurons: exactly those, their weights and their moments, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import networks
from tf_pruned_rl.config import NetworkConfig
from tf_pruned_rl.interventions.redo import recyclable_layers
from tf_pruned_rl.networks import graph

PLANTED = {"conv1": [2, 5], "conv2": [0], "conv3": [3, 7, 15], "dense": [1, 100, 511]}
READ_BY = {"conv1": "conv2", "conv2": "conv3", "conv3": "dense", "dense": "head"}


def planted(make_learner, replay, **changes):
    """Returns a learner whose planted neurons are silent, with moments everywhere."""
    learner = make_learner(intervention="redo", redo_threshold=0.0, redo_batch=64, **changes)
    step = tf.function(lambda: learner.step(replay, replay.sample()))
    for _ in range(3):
        step()
    for name, neurons in PLANTED.items():
        bias = learner.agent.model.get_layer(name).bias
        value = bias.numpy() + (10.0 if name == "dense" else 0.3)  # all others are awake
        value[neurons] = -1e6
        bias.assign(value)
    for variable in learner.agent.model.trainable_variables:
        for slot in ("m", "v"):
            moment = learner.agent.optimizer.get_slot(variable, slot)
            moment.assign(tf.ones_like(moment))
    return learner


def outgoing(name: str, neurons: list[int], shape: tuple[int, ...], positions: int = 11 * 11) -> np.ndarray:
    """The weights of the next layer that read the neurons, as a mask of its kernel."""
    reading = np.zeros(shape, bool)
    if name == "conv3":
        reading.reshape(positions, -1, shape[-1])[:, neurons] = True
    else:
        reading[..., neurons, :] = True
    return reading


@pytest.mark.parametrize("pruning", ["none", "static"])
def test_exactly_the_planted_are_recycled(make_learner, replay, snapshot, pruning):
    learner = planted(make_learner, replay, pruning=pruning, sparsity=0.5)
    before = snapshot(learner)
    observations = replay.sample().observations
    outputs = learner.agent.q_values(observations).numpy()
    masks = {}
    for layer in graph.weighted(learner.agent.model):
        mask = learner.pruner.masks().get(layer.kernel.ref())
        masks[layer.name] = np.ones(layer.kernel.shape, bool) if mask is None else mask.numpy() != 0
    tf.function(lambda: learner.intervention.after_gradient_step(tf.constant(1_000, tf.int64), replay))()
    after = snapshot(learner)
    for name in (*PLANTED, "head"):
        kernel, mask = f"{name}/kernel", masks[name]
        incoming, read = np.zeros(mask.shape, bool), np.zeros(mask.shape, bool)
        if name in PLANTED:
            incoming[..., PLANTED[name]] = True
        for source, reader in READ_BY.items():
            if reader == name:
                read = outgoing(source, PLANTED[source], mask.shape)
        fresh = incoming & ~read
        assert (after[kernel][fresh & mask] != before[kernel][fresh & mask]).all()
        assert not after[kernel][read].any() and not after[kernel][~mask].any()
        np.testing.assert_array_equal(after[kernel][~(incoming | read)], before[kernel][~(incoming | read)])
        limit = np.sqrt(6 / (np.prod(mask.shape[:-2]) * sum(mask.shape[-2:])))
        drawn = after[kernel][fresh & mask]
        assert not len(drawn) or 0.8 * limit < np.abs(drawn).max() <= limit
        for slot in ("m", "v"):
            np.testing.assert_array_equal(after[f"{kernel}/{slot}"] == 0, incoming | read)
            np.testing.assert_array_equal(after[f"{name}/bias/{slot}"], 1)
        changed = np.flatnonzero(after[f"{name}/bias"] != before[f"{name}/bias"]).tolist()
        assert changed == PLANTED.get(name, []) and not after[f"{name}/bias"][changed].any()
    for name in before:
        if name.startswith("target") or name == "iterations":
            np.testing.assert_array_equal(after[name], before[name])
    # Silent neurons added nothing before, and what they read out is 0 now: the same values.
    np.testing.assert_allclose(learner.agent.q_values(observations), outputs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pruning", ["none", "static"])
def test_sigmas_of_noisy_layers_have_their_own_initial_value(make_learner, replay, pruning):
    learner = make_learner(
        intervention="redo", redo_threshold=0.0, noisy=True, dueling=True, pruning=pruning, sparsity=0.5
    )
    agent, neurons = learner.agent, PLANTED["dense"]
    dense, readers = (
        agent.model.get_layer("dense"),
        [agent.model.get_layer(n) for n in ("value", "advantage")],
    )
    dormant = np.zeros(512, bool)
    dormant[neurons] = True
    dense.bias.assign(np.where(dormant, -1e6, 10.0))
    for variable in (dense.kernel_sigma, dense.bias_sigma, *(layer.kernel_sigma for layer in readers)):
        mask = learner.pruner.masks().get(variable.ref())
        variable.assign(tf.fill(variable.shape, 0.7) * (1 if mask is None else mask))
        for slot in ("m", "v"):
            agent.optimizer.get_slot(variable, slot).assign(tf.ones_like(variable))
    observations = replay.sample().observations
    outputs = agent.q_values(observations).numpy()
    tf.function(lambda: learner.intervention.after_gradient_step(tf.constant(1_000, tf.int64), replay))()
    mask = learner.pruner.masks().get(dense.kernel_sigma.ref(), tf.ones_like(dense.kernel_sigma)).numpy() != 0
    start = 0.1 / np.sqrt(dense.kernel.shape[0])
    expected = np.where(mask, np.where(dormant, start, 0.7), 0)
    np.testing.assert_allclose(dense.kernel_sigma, expected, rtol=1e-6)
    np.testing.assert_allclose(dense.bias_sigma, np.where(dormant, start, 0.7), rtol=1e-6)
    for layer in readers:
        for kernel in (layer.kernel, layer.kernel_sigma):
            assert not kernel.numpy()[dormant].any() and kernel.numpy()[~dormant].any()
        np.testing.assert_array_equal(agent.optimizer.get_slot(layer.kernel_sigma, "m").numpy()[dormant], 0)
    for slot in ("m", "v"):
        moments = agent.optimizer.get_slot(dense.kernel_sigma, slot).numpy()
        np.testing.assert_array_equal(moments == 0, np.broadcast_to(dormant, moments.shape))
    np.testing.assert_allclose(agent.q_values(observations), outputs, rtol=1e-5, atol=1e-6)


def test_with_a_threshold_values_are_those_without_what_the_dormant_add(make_learner, replay):
    learner = make_learner(intervention="redo", redo_threshold=0.5, redo_batch=64)
    agent = learner.agent
    observations = replay.sample().observations
    before, outputs = agent.model.get_weights(), agent.q_values(observations).numpy()
    learner.intervention.after_gradient_step(tf.constant(1_000, tf.int64), replay)
    after, silenced = agent.model.get_weights(), False
    fresh = {variable.ref(): i for i, variable in enumerate(agent.model.weights)}
    expected = [weights.copy() for weights in before]
    for name, reader in READ_BY.items():
        layer, following = agent.model.get_layer(name), agent.model.get_layer(reader)
        place = fresh[layer.kernel.ref()]
        changed = (after[place] != before[place]).reshape(-1, before[place].shape[-1]).mean(axis=0) > 0.5
        silenced |= changed.any()
        read = outgoing(name, np.flatnonzero(changed), following.kernel.shape)
        expected[fresh[following.kernel.ref()]][read] = 0
    assert silenced
    # The old network without the outgoing weights: what the dormant neurons compute now is read by nobody.
    agent.model.set_weights(expected)
    reference = agent.q_values(observations).numpy()
    agent.model.set_weights(after)
    np.testing.assert_allclose(agent.q_values(observations), reference, rtol=1e-5, atol=1e-6)
    assert np.abs(outputs - reference).max() > 1e-4


def test_recycles_only_at_its_steps(make_learner, replay, snapshot):
    learner = planted(make_learner, replay, redo_every=10)
    call = tf.function(lambda step: learner.intervention.after_gradient_step(step, replay))
    before = snapshot(learner)
    for step in (1, 9, 11):
        call(tf.constant(step, tf.int64))
    assert all(np.array_equal(before[name], value) for name, value in snapshot(learner).items())
    call(tf.constant(10, tf.int64))
    once = snapshot(learner)
    assert any(not np.array_equal(before[name], value) for name, value in once.items())


def test_resnet_recycles_where_dopamine_does():
    model = networks.build(NetworkConfig(network="impala", width=0.25), num_actions=3)
    names = [f"stack{s}_block{b}_conv1" for s in (1, 2, 3) for b in (1, 2)] + ["dense"]
    assert [layer.name for layer in recyclable_layers(model)] == names
    for layer in recyclable_layers(model)[:-1]:
        (reader,) = graph.readers(layer)
        assert reader.name == layer.name.replace("conv1", "conv2")
