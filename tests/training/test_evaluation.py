"""Evaluation, against the same episodes played by arrays; which episodes count is tested in policies/."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import agents, config, environments
from tf_pruned_rl.environments import DiscreteSpec
from tf_pruned_rl.policies import episodes
from tf_pruned_rl.policies.episodes import EpisodeResults
from tf_pruned_rl.training.evaluation import evaluate_control, evaluate_game

GAME = {"network": "nature", "width": 0.25, "game": "Breakout", "max_episode_steps": 20, "eval_steps": 30}


def test_a_graph_plays_as_the_same_values_of_arrays_do():
    settings = config.replace(config.preset("dqn"), **GAME | {"eval_epsilon": 0.3})
    traces = []

    def tensors(stacks: tf.Tensor) -> tf.Tensor:
        traces.append(1)
        sums = tf.reduce_sum(tf.cast(stacks[..., 3], tf.float32), [1, 2])
        return tf.stack([sums % k for k in (7, 5, 3, 2)], 1)

    def arrays(stacks: np.ndarray) -> np.ndarray:
        return np.stack([stacks[..., 3].sum((1, 2)) % k for k in (7, 5, 3, 2)], 1)

    results = evaluate_game(settings, SimpleNamespace(q_values=tensors), seed=4)
    player = episodes.EpsilonGreedy(arrays, observation_shape=(84, 84, 4), num_envs=1, epsilon=0.3, seed=4)
    assert results == episodes.play(player, environments.create(settings, seed=4), agent_steps=30)
    assert results.lengths == (20, 20) and len(traces) == 1


@pytest.mark.parametrize(("count", "lengths"), [(0, 2), (12, 12)])
def test_episodes_are_counted_where_they_are_given(count, lengths):
    settings = config.replace(config.preset("der"), eval_episodes=count, **GAME)
    results = evaluate_game(settings, agents.create(settings, DiscreteSpec(4)), seed=1)
    assert results.lengths == (20,) * lengths


def test_control_plays_the_most_likely_actions():
    task = config.replace(config.preset("sac"), env="Pendulum-v1", max_episode_steps=10, eval_episodes=3)
    shapes = []

    def greedy(observations: tf.Tensor) -> tf.Tensor:
        shapes.append(tuple(observations.shape))
        return 0.0 * observations[:, :1]

    results = evaluate_control(task, SimpleNamespace(greedy=greedy), seed=0)
    assert results.lengths == (10, 10, 10) and max(results.returns) < 0 and shapes == [(3, 3)]


def test_the_mean_return_is_over_episodes():
    assert EpisodeResults((1.0, 2.0, 6.0), (1, 1, 1)).mean_return == 3.0
