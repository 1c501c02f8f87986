"""Learning rules: DQN, Rainbow and SAC, as TF-Agents agents."""

from __future__ import annotations

import functools

from tf_pruned_rl.agents.dqn import DqnAgent
from tf_pruned_rl.agents.optimizer import Adam
from tf_pruned_rl.agents.rainbow import RainbowAgent
from tf_pruned_rl.agents.sac import SacAgent
from tf_pruned_rl.config import Config, ContinuousConfig, GameConfig
from tf_pruned_rl.environments import BoxSpec, DiscreteSpec, Spec
from tf_pruned_rl.registry import LOSSES

__all__ = ["Adam", "DqnAgent", "RainbowAgent", "SacAgent", "create"]


@functools.singledispatch
def create(config: Config, spec: Spec) -> DqnAgent | RainbowAgent | SacAgent:
    """Returns the agent of a configuration; its target networks equal the online ones.

    Seeds are the caller's: ``tf_keras.utils.set_random_seed`` makes the initial weights repeatable.

    Args:
      config: the run's.
      spec: of its environment: a ``DiscreteSpec``, in continuous control a ``BoxSpec``.

    Raises:
      UserError: there is no such loss or network, or the width is out of its range.
    """
    raise TypeError(f"no agents for a {type(config).__name__}")


@create.register
def _(config: ContinuousConfig, spec: BoxSpec) -> SacAgent:
    return SacAgent(config, spec)


@create.register
def _(config: GameConfig, spec: DiscreteSpec) -> DqnAgent | RainbowAgent:
    return LOSSES[config.learning.loss](config, spec)
