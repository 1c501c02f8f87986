"""Evaluation: whole episodes played by the network being trained, without learning."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tf_pruned_rl import config as configuration
from tf_pruned_rl import environments
from tf_pruned_rl.agents import DqnAgent, RainbowAgent, SacAgent
from tf_pruned_rl.config import ContinuousConfig, GameConfig
from tf_pruned_rl.policies import episodes
from tf_pruned_rl.policies.episodes import EpisodeResults

_SIDE_BY_SIDE = 10
"""Games played at a time where episodes are counted; more would idle while the longest goes on."""


def evaluate_game(config: GameConfig, agent: DqnAgent | RainbowAgent, *, seed: int) -> EpisodeResults:
    """Plays an evaluation of a game, epsilon-greedily.

    It lasts ``eval_episodes`` episodes if they are given, as in Dopamine's labs/atari_100k; otherwise whole
    episodes until ``eval_steps`` agent steps have been made, as in Dopamine's runner.

    Args:
      config: the run's.
      agent: nothing is learned.
      seed: of the environments and the random actions. Made anew for each evaluation, they leave nothing to
        be saved for an exact resumption.
    """
    run = config.run
    if run.eval_episodes:
        config = configuration.replace(config, num_envs=min(run.eval_episodes, _SIDE_BY_SIDE))
    environment = environments.create(config, seed=seed)
    observation_shape = environment.screen.observation_shape
    player = episodes.EpsilonGreedy(
        as_arrays(agent.q_values, (environment.num_envs, *observation_shape), tf.uint8),
        observation_shape=observation_shape,
        num_envs=environment.num_envs,
        epsilon=run.eval_epsilon,
        seed=seed,
    )
    return episodes.play(
        player,
        environment,
        episodes=run.eval_episodes or None,
        agent_steps=None if run.eval_episodes else run.eval_steps,
    )


def evaluate_control(config: ContinuousConfig, agent: SacAgent, *, seed: int) -> EpisodeResults:
    """Plays an evaluation of a task of continuous control: the most likely actions, ``eval_episodes`` long.

    Args:
      config: the run's.
      agent: nothing is learned.
      seed: of the environments; see ``evaluate_game``.
    """
    count = config.run.eval_episodes
    # Side by side: one forward pass serves them all.
    environment = environments.create(configuration.replace(config, num_envs=count), seed=seed)
    actions = as_arrays(agent.greedy, (count, *environment.frame_shape), tf.float32)
    return episodes.play(lambda observations, is_first: actions(observations), environment, episodes=count)


def as_arrays(
    function: Callable[[tf.Tensor], tf.Tensor], shape: tuple[int, ...], dtype: tf.DType
) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a function of tensors as one of NumPy arrays, traced once, for one shape."""
    graph = tf.function(function, input_signature=[tf.TensorSpec(shape, dtype)])
    return lambda inputs: graph(inputs).numpy()
