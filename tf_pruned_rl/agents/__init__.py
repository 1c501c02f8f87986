"""Learning rules: DQN, Rainbow and SAC, as TF-Agents agents."""

from __future__ import annotations

import functools

from tf_pruned_rl.agents.dqn import DqnAgent
from tf_pruned_rl.agents.optimizer import Adam
from tf_pruned_rl.agents.rainbow import RainbowAgent
from tf_pruned_rl.agents.sac import SacAgent
from tf_pruned_rl.config import Config, ContinuousConfig, ExperimentConfig
from tf_pruned_rl.environments import BoxSpec, DiscreteSpec, Spec
from tf_pruned_rl.errors import UserError

__all__ = ["Adam", "DqnAgent", "RainbowAgent", "SacAgent", "create"]

_AGENTS = {"mse": DqnAgent, "huber": DqnAgent, "c51": RainbowAgent}


@functools.singledispatch
def create(config: Config, spec: Spec) -> DqnAgent | RainbowAgent | SacAgent:
    """Returns the agent of a configuration; its target networks equal the online ones.

    Seeds are the caller's: ``tf_keras.utils.set_random_seed`` makes the initial weights repeatable.

    Args:
      config: the run's.
      spec: of its environment: a ``DiscreteSpec``, in continuous control a ``BoxSpec``.

    Raises:
      UserError: unknown loss or network, a width too small, or no support for c51.
    """
    raise TypeError(f"no agents for a {type(config).__name__}")


@create.register
def _(config: ContinuousConfig, spec: BoxSpec) -> SacAgent:
    return SacAgent(config, spec)


@create.register
def _(config: ExperimentConfig, spec: DiscreteSpec) -> DqnAgent | RainbowAgent:
    learner = config.learning
    if learner.loss not in _AGENTS:
        raise UserError(f"unknown loss {learner.loss!r}: choose one of {', '.join(_AGENTS)}")
    if learner.loss == "c51" and not (learner.num_atoms >= 2 and learner.v_max > 0):
        raise UserError(
            f"c51 with num_atoms {learner.num_atoms} and v_max {learner.v_max}: "
            "it needs at least 2 atoms and v_max above 0"
        )
    return _AGENTS[learner.loss](config, spec)
