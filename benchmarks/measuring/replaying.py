"""Graph functions that add to a replay and sample from it many times per launch."""

from __future__ import annotations

import functools
from collections.abc import Callable

from tf_pruned_rl import replay

import tensorflow as tf  # isort: skip  (after the package, which chooses the Keras version)

_EPISODE = 800
"""Agent steps of the episodes that are made up."""


@functools.singledispatch
def _add_noise(buffer: replay.Replay) -> Callable[[tf.Tensor], None]:
    """Returns what adds noise once to all environments; it takes bool [N], whose episode ends there."""
    raise TypeError(f"no noise for a {type(buffer).__name__}")


@_add_noise.register
def _(buffer: replay.FrameReplay) -> Callable[[tf.Tensor], None]:
    envs = buffer.ring.num_envs
    frames = tf.cast(tf.random.uniform([envs, 84, 84], 0, 256, tf.int32, seed=1), tf.uint8)
    actions, never = tf.zeros([envs], tf.int32), tf.zeros([envs], tf.bool)
    return lambda over: buffer.add(frames, actions, tf.ones([envs]), over, never)


@_add_noise.register
def _(buffer: replay.TransitionReplay) -> Callable[[tf.Tensor], None]:
    ring = buffer.ring
    envs, never = ring.num_envs, tf.zeros([ring.num_envs], tf.bool)
    seen = tf.random.normal([envs, ring.observation_size], seed=1)
    actions = tf.random.uniform([envs, ring.action_size], -1.0, 1.0, seed=2)
    return lambda over: buffer.add(seen, actions, tf.ones([envs]), over, never, seen)


def adder(buffer: replay.Replay) -> Callable[[int], None]:
    """Returns a function that adds noise ``count`` times, to all environments."""
    envs, add_noise = buffer.ring.num_envs, _add_noise(buffer)

    @tf.function
    def add(count: tf.Tensor) -> None:
        for i in tf.range(count):
            add_noise(tf.fill([envs], i % _EPISODE == _EPISODE - 1))

    return lambda count: add(tf.constant(count))


def sampler(buffer: replay.Replay, *, update: bool) -> Callable[[int], float]:
    """Returns a function that samples ``count`` times, and updates the priorities if ``update``."""
    losses = tf.random.uniform([buffer.batch_size], seed=2)

    def first(values: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.reshape(values, [-1])[0], tf.float32)

    @tf.function
    def sample(count: tf.Tensor) -> tf.Tensor:
        used = tf.constant(0.0)
        for _ in tf.range(count):
            batch = buffer.sample()
            weights = buffer.importance_weights(batch)
            # Something of every result is used, so that nothing is optimised away.
            used += first(batch.observations) + first(batch.next_observations) + first(batch.actions)
            used += tf.reduce_sum(batch.returns * batch.discounts * weights)
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
