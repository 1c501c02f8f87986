"""The evaluation phase of a run: episodes played without learning."""

from __future__ import annotations

from dataclasses import dataclass

from tf_pruned_rl.environments.base import Environment
from tf_pruned_rl.playing import QValues, play


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation phase found."""

    mean_return: float
    """Mean un-clipped return of its episodes."""
    episodes: int
    """Episodes played, all of them whole."""
    agent_steps: int
    """Agent steps played: at least as many as asked for."""


def evaluate(
    q_values: QValues, environment: Environment, *, agent_steps: int, epsilon: float, seed: int
) -> EvaluationResult:
    """Plays whole episodes until ``agent_steps`` agent steps have been made, as Dopamine's runner does.

    Args:
      q_values: uint8[N, 84, 84, 4] -> float32[N, num_actions]; nothing is learned.
      environment: not the one of training. Made anew for each phase, from the phase's own seed, it
        leaves nothing to be saved for an exact resumption.
      agent_steps: over all environments together (125,000 in Dopamine).
      epsilon: probability of a random action (0.001 in Dopamine).
      seed: of the random actions.
    """
    played = play(q_values, environment, epsilon=epsilon, seed=seed, agent_steps=agent_steps)
    return EvaluationResult(
        mean_return=sum(played.returns) / len(played.returns),
        episodes=len(played.returns),
        agent_steps=played.agent_steps,
    )
