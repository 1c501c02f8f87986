"""The gradient step as a whole: exact sparsity, target network, failures, state."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import config
from tf_pruned_rl.environments import DiscreteSpec
from tf_pruned_rl.replay import FrameReplay
from tf_pruned_rl.training.learner import Learner

STEPS = 500


def filled_replay(settings) -> FrameReplay:
    """A replay of 100 random entries, three episodes."""
    replay = FrameReplay(
        200,
        batch_size=settings.learning.batch_size,
        n_step=settings.learning.n_step,
        sampling=settings.replay.replay_sampling,
    )
    rng = np.random.default_rng(3)
    add = tf.function(replay.add)
    for step in range(100):
        frame = tf.constant(rng.integers(0, 256, (1, 84, 84)), tf.uint8)
        action = tf.constant(rng.integers(0, 4, 1), tf.int32)
        reward = tf.constant(rng.uniform(-1, 1, 1), tf.float32)
        add(frame, action, reward, tf.constant([step % 40 == 39]), tf.constant([False]))
    return replay


def masks_and_kernels(learner):
    state = learner.pruner.trackables()
    for layer in learner.agent.model.layers:
        if hasattr(layer, "kernel"):
            target = learner.agent.target_model.get_layer(layer.name).kernel
            yield layer.name, state[f"pruning/{layer.name}/mask"], layer.kernel, target


def test_weights_are_exactly_masked_after_each_of_500_steps(small):
    """With the schedule's start, updates and end inside the window; the target after its updates too."""
    small = config.replace(
        small, total_frames=STEPS * 16, min_replay_history=4, sparsity=0.9, target_update_period=60
    )
    tf_keras.utils.set_random_seed(1)
    learner, replay = Learner(small, DiscreteSpec(4)), filled_replay(small)
    step = tf.function(lambda: learner.step(replay, replay.sample()))
    before = {}
    for number in range(1, STEPS + 1):
        step()
        for name, mask, kernel, target in masks_and_kernels(learner):
            outside = mask.numpy() == 0
            assert not kernel.numpy()[outside].any(), (number, name)
            if number % 15 == 0:  # 60 agent steps x 0.25
                assert np.array_equal(target, kernel), (number, name)
            elif number > 1:
                assert np.array_equal(target, before[name]), (number, name)
            before[name] = target.numpy()
        learner.pruner.check(number)
    assert learner.pruner.sparsity() == pytest.approx(0.9, abs=1e-4)


def test_the_loss_that_is_not_finite_is_noted_at_its_step(small):
    learner, replay = Learner(small, DiscreteSpec(4)), filled_replay(small)
    step = tf.function(lambda: learner.step(replay, replay.sample()))
    step()
    assert int(learner.failed_at) == -1
    learner.agent.model.get_layer("head").kernel.assign_add(
        tf.fill(learner.agent.model.get_layer("head").kernel.shape, np.nan)
    )
    step()
    step()
    assert int(learner.failed_at) == 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_variable_that_is_not_finite_is_named(small, value):
    learner = Learner(small, DiscreteSpec(4))
    assert learner.lost_variable() is None
    bias = learner.agent.model.get_layer("conv2").bias
    bias.assign(np.where(np.arange(bias.shape[0]) == 3, value, 0.0))
    assert learner.lost_variable() == "conv2/bias"
    bias.assign(tf.zeros_like(bias))
    assert learner.lost_variable() is None


@pytest.mark.parametrize("jit_compile", [False, True])
def test_concurrent_operations_see_the_weights_before_the_step(small, jit_compile):
    """Each of five steps, whose learning rate moves an output by far more than rounding."""
    small = config.replace(small, jit_compile=jit_compile, learning_rate=1e-2)
    learner, replay = Learner(small, DiscreteSpec(4)), filled_replay(small)
    frames = tf.cast(tf.random.uniform([3, 84, 84, 4], maxval=256, dtype=tf.int32), tf.uint8)
    seen, times = tf.Variable(tf.zeros([3, 4])), tf.Variable(0)

    def look(state) -> None:
        seen.assign(learner.agent.q_values(frames))
        times.assign_add(1)

    step = tf.function(lambda: learner.step(replay, replay.sample(), concurrent_ops=look))
    for number in range(1, 6):
        before = learner.agent.q_values(frames).numpy()
        step()
        assert int(times) == number
        np.testing.assert_allclose(seen, before, rtol=1e-4, atol=1e-5)
        assert np.abs(learner.agent.q_values(frames) - before).max() > 1e-2


def test_statistics_are_means_since_the_last_drain(small):
    learner, replay = Learner(small, DiscreteSpec(4)), filled_replay(small)
    step = tf.function(lambda: learner.step(replay, replay.sample()))
    assert learner.drain_statistics() == {}
    step()
    one = learner.drain_statistics()
    assert set(one) == set(learner.statistics)
    for _ in range(3):
        step()
    assert np.isfinite(list(learner.drain_statistics().values())).all()
    assert learner.drain_statistics() == {}


def test_priorities_follow_the_losses(small):
    learner, replay = Learner(small, DiscreteSpec(4)), filled_replay(small)
    before = replay.sampler.tree.levels[0].numpy().copy()
    tf.function(lambda: learner.step(replay, replay.sample()))()
    changed = np.flatnonzero(before.ravel() != replay.sampler.tree.levels[0].numpy().ravel())
    assert 0 < len(changed) <= small.learning.batch_size


def test_state_brings_back_every_variable(small, tmp_path):
    learner, replay = Learner(small, DiscreteSpec(4)), filled_replay(small)
    step = tf.function(lambda: learner.step(replay, replay.sample()))
    for _ in range(40):
        step()
    learner.state().save(tmp_path, None)
    again = Learner(small, DiscreteSpec(4))
    again.state().load(tmp_path)
    pairs = [(learner.agent.model, again.agent.model), (learner.agent.target_model, again.agent.target_model)]
    for ours, theirs in pairs:
        assert all(np.array_equal(a, b) for a, b in zip(ours.variables, theirs.variables, strict=True))
    slots = zip(learner.agent.optimizer.variables(), again.agent.optimizer.variables(), strict=True)
    assert all(np.array_equal(a, b) for a, b in slots)
    for name, variable in learner.pruner.trackables().items():
        assert np.array_equal(variable, again.pruner.trackables()[name]), name
    assert int(again.gradient_steps) == 40
    assert again.drain_statistics() == learner.drain_statistics()
