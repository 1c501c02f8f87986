"""Learning rules: DQN, Rainbow and SAC, as TF-Agents agents."""

from __future__ import annotations

import functools

from tf_pruned_rl.agents.dqn import DqnAgent
from tf_pruned_rl.agents.optimizer import Adam
from tf_pruned_rl.agents.rainbow import RainbowAgent
from tf_pruned_rl.agents.sac import SacAgent
from tf_pruned_rl.config import Config, ContinuousConfig, GameConfig
from tf_pruned_rl.environments import Spaces
from tf_pruned_rl.registry import LOSSES

__all__ = ["Adam", "DqnAgent", "RainbowAgent", "SacAgent", "create"]


@functools.singledispatch
def create(config: Config, interface: int | Spaces) -> DqnAgent | RainbowAgent | SacAgent:
    """Returns the agent of a configuration; its target networks equal the online ones.

    Seeds are the caller's: ``tf_keras.utils.set_random_seed`` makes the initial weights repeatable.

    Args:
      config: the run's.
      interface: of its environment: the number of actions, or the spaces.

    Raises:
      UserError: there is no such loss or network, or the width is out of its range.
    """
    raise TypeError(f"no agents for a {type(config).__name__}")


@create.register
def _(config: ContinuousConfig, interface: Spaces) -> SacAgent:
    return SacAgent(config, interface)


@create.register
def _(config: GameConfig, num_actions: int) -> DqnAgent | RainbowAgent:
    return LOSSES[config.learning.loss](config, num_actions)
