"""Acting in continuous control: one vector step of the environments, inside a tf.function."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tf_pruned_rl.agents import SacAgent
from tf_pruned_rl.compute import StepState
from tf_pruned_rl.config import ContinuousConfig
from tf_pruned_rl.environments import ControlEnvironment
from tf_pruned_rl.replay import TransitionReplay
from tf_pruned_rl.training.checkpoint import VariablesState


class ControlCollector:
    """Draws actions, at random during the warm-up and then from the policy, and stores what happens.

    Attributes:
      agent_steps: int64 variable, environment steps made so far, over all environments.
      observations: float32 [num_envs, D] variable, what to act on next.
    """

    def __init__(
        self,
        config: ContinuousConfig,
        environment: ControlEnvironment,
        replay: TransitionReplay,
        agent: SacAgent,
        *,
        seed: int,
    ):
        self._environment = environment
        self._replay = replay
        self._agent = agent
        self._warmup = config.replay.min_replay_history
        spec = environment.spec
        self._low, self._high = spec.bounds
        self._observations_shape = (environment.num_envs, spec.observation_size)
        self._actions_shape = (environment.num_envs, spec.action_size)
        self._generator = tf.random.Generator.from_seed(seed)
        self.agent_steps = tf.Variable(0, dtype=tf.int64, name="agent_steps")
        self.observations = tf.Variable(tf.zeros(self._observations_shape), name="observations")

    def reset(self) -> None:
        """Starts the first episodes."""
        self.observations.assign(self._environment.reset())

    def statistics(self) -> dict[str, float]:
        """Returns what is to be logged about the way of acting: nothing."""
        return {}

    def step(self, state: StepState | None = None) -> None:
        """Acts once in every environment and stores the outcome; to be called inside a tf.function."""
        del state
        observations = self.observations.read_value()
        actions = self._choose(observations)
        next_observations, rewards, terminals, truncations, final_observations = self._act(actions)
        self._replay.add(observations, actions, rewards, terminals, truncations, final_observations)
        self.observations.assign(next_observations)
        self.agent_steps.assign_add(self._environment.num_envs)

    def _choose(self, observations: tf.Tensor) -> tf.Tensor:
        def uniform() -> tf.Tensor:
            shares = self._generator.uniform(self._actions_shape)
            return self._low + shares * (self._high - self._low)

        def from_policy() -> tf.Tensor:
            return self._agent.sample(observations, self._generator.normal(self._actions_shape))[0]

        return tf.cond(self.agent_steps < self._warmup, uniform, from_policy)

    def _act(self, actions: tf.Tensor) -> tuple[tf.Tensor, ...]:
        def step(actions: np.ndarray) -> tuple[np.ndarray, ...]:
            return (*self._environment.step(actions), self._environment.final_observations)

        outcome = tf.numpy_function(
            step, [actions], [tf.float32, tf.float32, tf.bool, tf.bool, tf.float32], stateful=True
        )
        for index, each in enumerate(outcome):
            each.set_shape(self._observations_shape if index in (0, 4) else self._observations_shape[:1])
        return tuple(outcome)

    def state(self) -> VariablesState:
        """Counter, observations and random generator."""
        return VariablesState(
            agent_steps=self.agent_steps, observations=self.observations, generator=self._generator
        )
