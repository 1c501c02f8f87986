"""Acting: epsilon, stacks, what is stored, and its state."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import config
from tf_pruned_rl.policies import episodes
from tf_pruned_rl.replay import FrameReplay
from tf_pruned_rl.training.collector import Collector, push


def make(settings, environment, q_values=None):
    replay = FrameReplay(50, batch_size=64, sampling="uniform")
    q_values = q_values or (lambda observations, state: tf.constant([[0.0, 1.0, 0.0]]))
    return Collector(settings, environment, replay, q_values, seed=5), replay


def run(collector, steps):
    @tf.function
    def loop(count):
        for _ in tf.range(count):
            collector.step()

    loop(tf.constant(steps))


def test_epsilon_is_one_in_the_warm_up_then_falls_linearly(small, counting):
    small = config.replace(small, min_replay_history=40, epsilon_decay_period=100, epsilon_train=0.1)
    collector, _ = make(small, counting)
    for steps, expected in ((0, 1.0), (40, 1.0), (90, 0.55), (140, 0.1), (10_000, 0.1)):
        collector.agent_steps.assign(steps)
        assert float(collector.epsilon()) == pytest.approx(expected, abs=1e-6)


def test_noisy_layers_explore_instead_of_epsilon(small, counting):
    noisy = config.replace(small, noisy=True, epsilon_train=0.0)
    collector, _ = make(noisy, counting)
    collector.reset()
    run(collector, 30)  # all in the warm-up
    assert float(collector.epsilon()) == 0 and set(counting.actions) == {1}


def test_beside_noisy_layers_epsilon_is_what_is_asked_for_from_the_start(small, counting):
    noisy = config.replace(small, noisy=True, epsilon_train=0.1)
    collector, _ = make(noisy, counting)
    for steps in (0, 40, 10_000):
        collector.agent_steps.assign(steps)
        assert float(collector.epsilon()) == pytest.approx(0.1, abs=1e-6)


def test_observations_are_stacks_that_start_empty_at_each_episode(small, counting):
    collector, _ = make(small, counting)
    collector.reset()
    seen = [collector.observations.numpy()[0, 0, 0].tolist()]
    for _ in range(7):
        run(collector, 1)
        seen.append(collector.observations.numpy()[0, 0, 0].tolist())
    # Episodes are frames 1-5, 6-10, ...: the step from frame 5 is terminal.
    assert seen == [
        [0, 0, 0, 1], [0, 0, 1, 2], [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5],
        [0, 0, 0, 6], [0, 0, 6, 7], [0, 6, 7, 8],
    ]  # fmt: skip
    assert int(collector.agent_steps) == 7


def test_what_is_stored_is_the_frame_acted_on_with_its_clipped_reward(small, counting):
    collector, replay = make(small, counting)
    collector.reset()
    run(collector, 12)
    batch = tf.function(replay.sample)()
    stacks = (batch.observations.numpy(), batch.next_observations.numpy())
    for observation, following, reward, discount in zip(*stacks, batch.returns, batch.discounts, strict=True):
        frame = int(observation[0, 0, 3])
        assert float(reward) == (1.0, -1.0, 0.5)[(frame - 1) % 3]
        assert float(discount) == pytest.approx(0.0 if frame % 5 == 0 else 0.99)
        assert frame % 5 == 0 or int(following[0, 0, 3]) == frame + 1


def test_greedy_actions_come_from_the_q_values_and_random_ones_from_all(small, counting):
    greedy = config.replace(small, epsilon_train=0.0)
    collector, _ = make(greedy, counting)
    collector.reset()
    collector.agent_steps.assign(10**6)
    run(collector, 30)
    assert counting.actions == [1] * 30
    collector.agent_steps.assign(0)
    run(collector, 40)
    assert set(counting.actions[30:]) == {0, 1, 2}


def test_state_brings_back_the_same_actions(small, counting, tmp_path):
    collector, _ = make(small, counting)
    collector.reset()
    run(collector, 10)
    collector.state().save(tmp_path, None)
    run(collector, 20)
    environment = type(counting)()
    again, _ = make(small, environment)
    again.state().load(tmp_path)
    run(again, 20)
    assert environment.actions == counting.actions[10:]
    assert np.array_equal(again.agent_steps, collector.agent_steps)


def test_push_is_that_of_arrays():
    rng = np.random.default_rng(0)
    stacks, screens = rng.integers(0, 256, (3, 5, 6, 4), np.uint8), rng.integers(0, 256, (3, 5, 6), np.uint8)
    is_first = np.array([False, True, False])
    expected = episodes.push(stacks, screens, is_first)
    np.testing.assert_array_equal(push(*map(tf.constant, (stacks, screens, is_first))), expected)


def test_push_keeps_channels_together_and_stacks_nothing_where_one_screen_is_all():
    screens = np.arange(2 * 3, dtype=np.uint8).reshape(2, 1, 1, 3) + 100
    both = np.array([False, True])
    for channels in (3, 6):
        stacks = np.arange(2 * channels, dtype=np.uint8).reshape(2, 1, 1, channels)
        pushed = push(*map(tf.constant, (stacks, screens, both)))
        np.testing.assert_array_equal(pushed, episodes.push(stacks, screens, both))
