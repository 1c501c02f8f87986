"""Atari games under the paper's protocol; nothing here needs TensorFlow."""

from __future__ import annotations

from tf_pruned_rl.config import ExperimentConfig
from tf_pruned_rl.environments.atari import AtariEnvironment
from tf_pruned_rl.environments.base import Environment, Episode
from tf_pruned_rl.environments.vector import VectorAtariEnvironment

__all__ = ["AtariEnvironment", "Environment", "Episode", "VectorAtariEnvironment", "create"]


def create(config: ExperimentConfig, *, seed: int) -> Environment:
    """Returns the environment that ``config.environment`` describes; call ``reset`` or ``load`` on it.

    Args:
      config: only its environment part matters.
      seed: of everything random, non-negative.

    Raises:
      UserError: there is no such game.
    """
    wanted = config.environment
    protocol = {
        "seed": seed,
        "sticky_actions": wanted.sticky_actions,
        "frame_skip": wanted.frame_skip,
        "max_episode_steps": wanted.max_episode_steps,
    }
    if wanted.num_envs == 1:
        return AtariEnvironment(wanted.game, **protocol)
    return VectorAtariEnvironment(wanted.game, wanted.num_envs, **protocol)
