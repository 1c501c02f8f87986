"""Plays a game or task with the network being trained: evaluation phases, and the stacks of collecting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_pruned_rl.environments.base import Environment
from tf_pruned_rl.policies import episodes
from tf_pruned_rl.policies.episodes import Played

QValues = Callable[[tf.Tensor], tf.Tensor]
"""uint8[B, *observation_shape] observations -> float32[B, num_actions] values."""


def play(q_values: QValues, environment: Environment, *, epsilon: float, seed: int, **how: Any) -> Played:
    """Plays whole episodes, epsilon-greedily, from a reset.

    Args:
      q_values: the values acted on; traced once into a graph.
      environment: its episodes in progress are abandoned.
      epsilon: probability of a uniformly random action, in [0, 1].
      seed: of the random actions; the environment has its own.
      **how: which episodes count, as of ``episodes.play``.
    """
    observation_shape = environment.screen.observation_shape
    player = episodes.EpsilonGreedy(
        _graph(q_values, (environment.num_envs, *observation_shape), tf.uint8),
        observation_shape=observation_shape,
        num_envs=environment.num_envs,
        epsilon=epsilon,
        seed=seed,
    )
    return episodes.play(player, environment, **how)


def play_control(actions: Callable[[tf.Tensor], tf.Tensor], environment: Environment, **how: Any) -> Played:
    """Plays whole episodes of continuous control from a reset; the same episodes count as in ``play``.

    Args:
      actions: float32[N, D] observations -> float32[N, A] actions; traced once into a graph.
      environment: its episodes in progress are abandoned.
      **how: which episodes count, as of ``episodes.play``.
    """
    graph = _graph(actions, (environment.num_envs, *environment.frame_shape), tf.float32)
    return episodes.play(lambda frames, began: graph(frames), environment, **how)


def _graph(
    function: Callable[[tf.Tensor], tf.Tensor], shape: tuple[int, ...], dtype: tf.DType
) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the function of arrays, as a graph for one shape."""
    graph = tf.function(function, input_signature=[tf.TensorSpec(shape, dtype)])
    return lambda inputs: graph(inputs).numpy()


def push(stack: tf.Tensor, frames: tf.Tensor, began: tf.Tensor) -> tf.Tensor:
    """Returns the stacks with one more frame: newest last, zeros before an episode's first frame.

    The same as ``episodes.push``, as a part of a graph.

    Args:
      stack: uint8[N, height, width, k], the observations before.
      frames: uint8[N, height, width] or uint8[N, height, width, channels].
      began: bool[N], where the frame is the first of its episode.
    """
    newest = frames if len(frames.shape) == 4 else frames[..., None]
    if newest.shape[3] == stack.shape[3]:
        return newest
    if (stack.shape[3], newest.shape[3]) == (4, 1):
        return _push_one_of_four(stack, newest[..., 0], began)
    kept = stack[..., newest.shape[3] :]
    return tf.concat([tf.where(began[:, None, None, None], tf.zeros_like(kept), kept), newest], axis=-1)


def _push_one_of_four(stack: tf.Tensor, frames: tf.Tensor, began: tf.Tensor) -> tf.Tensor:
    """Shifts the four bytes of a pixel as one word: four times as fast as putting bytes together.

    The oldest is the lowest byte of the word, on the little-endian processors that TensorFlow is made for.
    """
    words = tf.bitwise.right_shift(tf.bitcast(stack, tf.uint32), tf.constant(8, tf.uint32))
    kept = tf.where(began[:, None, None], tf.zeros_like(words), words)
    newest = tf.bitwise.left_shift(tf.cast(frames, tf.uint32), tf.constant(24, tf.uint32))
    return tf.bitcast(tf.bitwise.bitwise_or(kept, newest), tf.uint8)
