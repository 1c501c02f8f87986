"""Learning rules: DQN and Rainbow, as TF-Agents agents."""

from __future__ import annotations

from tf_pruned_rl.agents.dqn import DqnAgent
from tf_pruned_rl.agents.optimizer import Adam
from tf_pruned_rl.agents.rainbow import RainbowAgent
from tf_pruned_rl.config import ExperimentConfig
from tf_pruned_rl.errors import UserError

__all__ = ["Adam", "DqnAgent", "RainbowAgent", "create"]

_AGENTS = {"mse": DqnAgent, "huber": DqnAgent, "c51": RainbowAgent}


def create(config: ExperimentConfig, num_actions: int) -> DqnAgent | RainbowAgent:
    """Returns the agent of ``config.learner.loss``; its target network equals the online one.

    Seeds are the caller's: ``tf_keras.utils.set_random_seed`` makes the initial weights repeatable.

    Raises:
      UserError: unknown loss or network, a width too small, or no support for c51.
    """
    learner = config.learner
    if learner.loss not in _AGENTS:
        raise UserError(f"unknown loss {learner.loss!r}: choose one of {', '.join(_AGENTS)}")
    if learner.loss == "c51" and not (learner.num_atoms >= 2 and learner.v_max > 0):
        raise UserError(
            f"c51 with num_atoms {learner.num_atoms} and v_max {learner.v_max}: "
            "it needs at least 2 atoms and v_max above 0"
        )
    return _AGENTS[learner.loss](config, num_actions)
