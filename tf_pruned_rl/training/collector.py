"""Acting: one vector step of the environments, from observation to replay, inside a tf.function."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tf_pruned_rl.compute import StepState
from tf_pruned_rl.config import ExperimentConfig
from tf_pruned_rl.environments import Environment
from tf_pruned_rl.replay import FrameReplay
from tf_pruned_rl.training.checkpoint import VariablesState


class Collector:
    """Plays epsilon-greedily and stores what happens.

    Attributes:
      agent_steps: int64 variable, agent steps made so far, over all environments.
      observations: uint8 [num_envs, *observation_shape] variable, [num_envs, 84, 84, 4] on Atari: the
        stacks to act on next, newest frame last.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        environment: Environment,
        replay: FrameReplay,
        q_values: Callable[[tf.Tensor, StepState | None], tf.Tensor],
        *,
        seed: int,
    ):
        self._environment = environment
        self._replay = replay
        self._q_values = q_values
        self._epsilon_final = config.learning.epsilon_train
        # Noisy layers explore by themselves, in the warm-up too: nothing comes on top, and nothing falls.
        self._epsilon_excess = 0.0 if config.network.noisy else 1.0 - self._epsilon_final
        self._epsilon_decay = config.learning.epsilon_decay_period
        self._warmup = config.replay.min_replay_history
        self._screen = environment.screen
        self._frames_shape = (environment.num_envs, *environment.screen.frame_shape)
        self._generator = tf.random.Generator.from_seed(seed)
        self.agent_steps = tf.Variable(0, dtype=tf.int64, name="agent_steps")
        stacks = tf.zeros([environment.num_envs, *environment.screen.observation_shape], tf.uint8)
        self.observations = tf.Variable(stacks, name="observations")

    def reset(self) -> None:
        """Starts the first episodes: three empty frames, then the first one (as in Dopamine)."""
        first = tf.ones([self._environment.num_envs], tf.bool)
        self.observations.assign(push(self.observations, self._environment.reset(), first))

    def epsilon(self) -> tf.Tensor:
        """Probability of a random action now: 1 in the warm-up, then falling; the last with noisy layers."""
        steps_left = tf.cast(self._epsilon_decay + self._warmup - self.agent_steps, tf.float32)
        share = tf.clip_by_value(steps_left / self._epsilon_decay, 0.0, 1.0)
        return self._epsilon_final + self._epsilon_excess * share

    def statistics(self) -> dict[str, float]:
        """Returns what is to be logged about the way of acting."""
        return {"epsilon": float(self.epsilon())}

    def step(self, state: StepState | None = None) -> None:
        """Acts once in every environment and stores the outcome; to be called inside a tf.function.

        Args:
          state: of the gradient step that acting is computed beside, if it is.
        """
        observations = self.observations.read_value()
        actions = self._choose(observations, state)
        frames, rewards, terminals, truncations = self._act(actions)
        clipped = tf.clip_by_value(rewards, -1.0, 1.0)
        newest = tf.reshape(observations[..., -self._screen.channels :], self._frames_shape)
        self._replay.add(newest, actions, clipped, terminals, truncations)
        self.observations.assign(push(observations, frames, terminals | truncations))
        self.agent_steps.assign_add(self._environment.num_envs)

    def _choose(self, observations: tf.Tensor, state: StepState | None) -> tf.Tensor:
        count, actions = self._environment.num_envs, self._environment.spec.num_actions
        explore = self._generator.uniform([count]) < self.epsilon()
        random = self._generator.uniform([count], maxval=actions, dtype=tf.int32)

        def greedy() -> tf.Tensor:
            q_values = self._q_values(observations, state)
            return tf.where(explore, random, tf.argmax(q_values, -1, tf.int32))

        return tf.cond(tf.reduce_all(explore), lambda: random, greedy)

    def _act(self, actions: tf.Tensor) -> tuple[tf.Tensor, ...]:
        outcome = tf.numpy_function(
            self._environment.step, [actions], [tf.uint8, tf.float32, tf.bool, tf.bool], stateful=True
        )
        outcome[0].set_shape(self._frames_shape)
        for each in outcome[1:]:
            each.set_shape(self._frames_shape[:1])
        return tuple(outcome)

    def state(self) -> VariablesState:
        """Counter, stacks and random generator."""
        return VariablesState(
            agent_steps=self.agent_steps, observations=self.observations, generator=self._generator
        )


def push(stack: tf.Tensor, frames: tf.Tensor, is_first: tf.Tensor) -> tf.Tensor:
    """Returns the stacks with one more frame: newest last, zeros before an episode's first screen.

    The same as ``episodes.push``, as a part of a graph.

    Args:
      stack: uint8[N, height, width, k], the observations before.
      frames: uint8[N, height, width] or uint8[N, height, width, channels].
      is_first: bool[N], where the frame is the first of its episode.
    """
    newest = frames if len(frames.shape) == 4 else frames[..., None]
    if newest.shape[3] == stack.shape[3]:
        return newest
    if (stack.shape[3], newest.shape[3]) == (4, 1):
        return _push_one_of_four(stack, newest[..., 0], is_first)
    kept = stack[..., newest.shape[3] :]
    return tf.concat([tf.where(is_first[:, None, None, None], tf.zeros_like(kept), kept), newest], axis=-1)


def _push_one_of_four(stack: tf.Tensor, frames: tf.Tensor, is_first: tf.Tensor) -> tf.Tensor:
    """Shifts the four bytes of a pixel as one word: four times as fast as putting bytes together.

    The oldest is the lowest byte of the word, on the little-endian processors that TensorFlow is made for.
    """
    words = tf.bitwise.right_shift(tf.bitcast(stack, tf.uint32), tf.constant(8, tf.uint32))
    kept = tf.where(is_first[:, None, None], tf.zeros_like(words), words)
    newest = tf.bitwise.left_shift(tf.cast(frames, tf.uint32), tf.constant(24, tf.uint32))
    return tf.bitcast(tf.bitwise.bitwise_or(kept, newest), tf.uint8)
