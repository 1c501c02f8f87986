"""Playing with the network being trained: graphs act as arrays do."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tf_pruned_rl import config, environments
from tf_pruned_rl.policies import episodes
from tf_pruned_rl.training.playing import play, play_control, push


def test_push_is_that_of_arrays():
    rng = np.random.default_rng(0)
    stacks, frames = rng.integers(0, 256, (3, 5, 6, 4), np.uint8), rng.integers(0, 256, (3, 5, 6), np.uint8)
    began = np.array([False, True, False])
    expected = episodes.push(stacks, frames, began)
    np.testing.assert_array_equal(
        push(tf.constant(stacks), tf.constant(frames), tf.constant(began)), expected
    )


def test_push_keeps_channels_together_and_stacks_nothing_where_one_frame_is_all():
    frames = np.arange(2 * 3, dtype=np.uint8).reshape(2, 1, 1, 3) + 100
    both = np.array([False, True])
    for channels in (3, 6):
        stacks = np.arange(2 * channels, dtype=np.uint8).reshape(2, 1, 1, channels)
        pushed = push(*map(tf.constant, (stacks, frames, both)))
        np.testing.assert_array_equal(pushed, episodes.push(stacks, frames, both))


def test_a_graph_plays_as_its_values_say():
    game = config.replace(config.ExperimentConfig(), game="Breakout", max_episode_steps=30)
    traced, how = [], {"epsilon": 0.3, "seed": 4}

    def values(stacks: tf.Tensor) -> tf.Tensor:
        traced.append(1)
        return tf.stack(
            [tf.reduce_sum(tf.cast(stacks[..., 3], tf.float32), [1, 2]) % k for k in (7, 5, 3, 2)], 1
        )

    def arrays(stacks: np.ndarray) -> np.ndarray:
        return np.stack([stacks[..., 3].sum((1, 2)) % k for k in (7, 5, 3, 2)], 1)

    played = play(values, environments.create(game, seed=1), episodes=2, **how)
    player = episodes.EpsilonGreedy(arrays, observation_shape=(84, 84, 4), num_envs=1, **how)
    assert played == episodes.play(player, environments.create(game, seed=1), episodes=2)
    assert played.lengths == (30, 30) and len(traced) == 1


def test_control_plays_the_actions_it_is_given():
    task = config.replace(config.preset("sac"), env="Pendulum-v1", max_episode_steps=10)
    played = play_control(lambda frames: 0.0 * frames[:, :1], environments.create(task, seed=0), episodes=2)
    assert played.lengths == (10, 10) and max(played.returns) < 0
