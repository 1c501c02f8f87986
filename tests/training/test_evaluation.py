"""The evaluation phase, against a game whose returns are known."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import agents, config
from tf_pruned_rl.environments import DiscreteSpec, Episode, Screen
from tf_pruned_rl.training.evaluation import EvaluationResult, evaluate, phase


class Countdown:
    """Episodes of 2, 3, 4, ... steps; every step pays 10 for action 1, which the policy prefers."""

    num_envs, num_actions, screen = 1, 2, Screen()

    def reset(self):
        self._length, self._step, self._return, self._finished = 2, 0, 0.0, []
        return np.zeros((1, 84, 84), np.uint8)

    def step(self, actions):
        self._step += 1
        self._return += 10.0 * actions[0]
        ended = self._step == self._length
        if ended:
            self._finished.append(Episode(0, self._return, self._step, 0))
            self._length, self._step, self._return = self._length + 1, 0, 0.0
        return np.zeros((1, 84, 84), np.uint8), np.array([10.0]), np.array([ended]), np.array([False])

    def finished(self):
        finished, self._finished = self._finished, []
        return finished


def prefer_one(observations: tf.Tensor) -> tf.Tensor:
    return tf.tile([[0.0, 1.0]], [tf.shape(observations)[0], 1])


def test_whole_episodes_until_the_budget():
    # 2 + 3 + 4 = 9 steps are too few for 10, the episode of 5 steps is played to its end.
    result = evaluate(prefer_one, Countdown(), agent_steps=10, epsilon=0.0, seed=0)
    assert result == EvaluationResult(mean_return=10 * 14 / 4, episodes=4, agent_steps=14)


def test_so_many_episodes():
    result = evaluate(prefer_one, Countdown(), episodes=3, epsilon=0.0, seed=0)
    assert result == EvaluationResult(mean_return=10 * 9 / 3, episodes=3, agent_steps=9)


def test_a_phase_goes_by_episodes_where_they_are_given():
    run = {"network": "nature", "width": 0.25, "game": "Breakout", "max_episode_steps": 20, "eval_steps": 30}
    counts = {}
    for episodes in (0, 12):
        settings = config.replace(config.preset("der"), eval_episodes=episodes, **run)
        result = phase(settings, agents.create(settings, DiscreteSpec(4)), seed=1)
        counts[episodes] = (result.episodes, result.agent_steps)
    assert counts == {0: (2, 40), 12: (12, 240)}


def test_the_environment_may_be_used_again():
    environment = Countdown()
    first = evaluate(prefer_one, environment, agent_steps=10, epsilon=0.0, seed=0)
    assert evaluate(prefer_one, environment, agent_steps=10, epsilon=0.0, seed=0) == first


def test_epsilon_is_used():
    result = evaluate(prefer_one, Countdown(), agent_steps=600, epsilon=1.0, seed=3)
    # Half of the actions are 1: 10 * 0.5 per step; the standard error is 0.2.
    assert result.mean_return * result.episodes / result.agent_steps == pytest.approx(5.0, abs=1.0)
