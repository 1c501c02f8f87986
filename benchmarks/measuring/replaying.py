"""Graph functions that add to a replay and sample from it many times per launch."""

from __future__ import annotations

from collections.abc import Callable

from tf_pruned_rl import replay

import tensorflow as tf  # isort: skip  (after the package, which chooses the Keras version)

_EPISODE = 800
"""Agent steps of the episodes that are made up."""


def adder(buffer: replay.FrameReplay) -> Callable[[int], None]:
    """Returns a function that adds noise ``count`` times, to all environments."""
    envs = buffer.ring.num_envs
    frames = tf.cast(tf.random.uniform([envs, 84, 84], 0, 256, tf.int32, seed=1), tf.uint8)
    never = tf.zeros([envs], tf.bool)

    @tf.function
    def add(count: tf.Tensor) -> None:
        for i in tf.range(count):
            over = tf.fill([envs], i % _EPISODE == _EPISODE - 1)
            buffer.add(frames, tf.zeros([envs], tf.int32), tf.ones([envs]), over, never)

    return lambda count: add(tf.constant(count))


def sampler(buffer: replay.FrameReplay, *, update: bool) -> Callable[[int], float]:
    """Returns a function that samples ``count`` times, and updates the priorities if ``update``."""
    losses = tf.random.uniform([buffer.batch_size], seed=2)

    @tf.function
    def sample(count: tf.Tensor) -> tf.Tensor:
        used = tf.constant(0.0)
        for _ in tf.range(count):
            batch = buffer.sample()
            weights = buffer.importance_weights(batch)
            # Something of every result is used, so that nothing is optimised away.
            pixels = tf.cast(batch.observations[0, 0, 0, 0] ^ batch.next_observations[0, 0, 0, 0], tf.float32)
            used += pixels + tf.reduce_sum(batch.returns * batch.discounts * weights)
            if update:
                buffer.update_priorities(batch.indices, losses)
        return used

    return lambda count: float(sample(tf.constant(count)))


def nothing() -> Callable[[int], float]:
    """Returns a function that turns ``count`` times and does next to nothing: the overhead of the others."""

    @tf.function
    def turn(count: tf.Tensor) -> tf.Tensor:
        used = tf.constant(0.0)
        for i in tf.range(count):
            used += tf.cast(i, tf.float32)
        return used

    return lambda count: float(turn(tf.constant(count)))
