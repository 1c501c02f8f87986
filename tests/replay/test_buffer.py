"""The replay as the learner uses it: inside a tf.function, from a configuration."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import config, replay
from tf_pruned_rl.errors import UserError


def _run(buffer: replay.FrameReplay, steps: int) -> tuple[replay.Batch, tf.Tensor]:
    @tf.function
    def run() -> tuple[replay.Batch, tf.Tensor]:
        for i in tf.range(steps):
            frames = tf.random.stateless_uniform([1, 84, 84], [7, i], 0, 256, tf.int32)
            ends = tf.reshape(i % 37 == 36, [1])
            buffer.add(
                tf.cast(frames, tf.uint8), tf.reshape(i % 18, [1]), tf.ones([1]), ends, tf.zeros([1], tf.bool)
            )
        batch = buffer.sample()
        weights = buffer.importance_weights(batch)
        buffer.update_priorities(batch.indices, weights)
        return batch, weights

    return run()


@pytest.mark.parametrize("agent", ["dqn", "rainbow"])
def test_batch_of_an_experiment(agent: str) -> None:
    experiment = config.replace(config.preset(agent), replay_capacity=200, gamma=0.9)
    batch, weights = _run(replay.create(experiment), 230)
    expected = {
        "observations": ((32, 84, 84, 4), tf.uint8),
        "actions": ((32,), tf.int32),
        "returns": ((32,), tf.float32),
        "discounts": ((32,), tf.float32),
        "next_observations": ((32, 84, 84, 4), tf.uint8),
        "indices": ((32,), tf.int64),
        "probabilities": ((32,), tf.float32),
    }
    for name, (shape, dtype) in expected.items():
        value = getattr(batch, name)
        assert (tuple(value.shape), value.dtype) == (shape, dtype), name
    assert tuple(weights.shape) == (32,)
    # Real pixels in their places: the last plane is the frame of the step whose action was stored.
    frames = {
        i: tf.random.stateless_uniform([1, 84, 84], [7, i], 0, 256, tf.int32)[0].numpy() for i in range(230)
    }
    for i in range(32):
        step = next(t for t in range(30, 230) if t % 200 == batch.indices[i])
        assert batch.actions[i] == step % 18
        np.testing.assert_array_equal(batch.observations[i, :, :, 3], frames[step])
        if step % 37:
            np.testing.assert_array_equal(batch.observations[i, :, :, 2], frames[step - 1])
        else:
            assert not batch.observations[i, :, :, :3].numpy().any()


@pytest.mark.parametrize("sampling", ["uniform", "prioritized"])
def test_seed_decides_the_draws(sampling: str) -> None:
    draws = [
        _run(replay.FrameReplay(100, sampling=sampling, seed=seed), 90)[0].indices.numpy()
        for seed in (4, 4, 5)
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    # Stratified draws of nearly equal shares still differ within their shares.
    assert (draws[0] != draws[2]).any()


def test_user_mistakes() -> None:
    with pytest.raises(UserError, match="uniform, prioritized"):
        replay.FrameReplay(100, sampling="greedy")
    with pytest.raises(UserError, match="at least 16"):
        replay.FrameReplay(15, num_envs=2, n_step=3)
    replay.FrameReplay(16, num_envs=2, n_step=3)
