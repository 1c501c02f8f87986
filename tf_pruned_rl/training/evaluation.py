"""The evaluation phase of a run: episodes played without learning."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from tf_pruned_rl import config as configuration
from tf_pruned_rl import environments
from tf_pruned_rl.agents import DqnAgent, RainbowAgent, SacAgent
from tf_pruned_rl.config import Config, ContinuousConfig, GameConfig
from tf_pruned_rl.environments.base import Environment
from tf_pruned_rl.training.playing import Played, QValues, play, play_control

_SIDE_BY_SIDE = 10
"""Games played at a time where episodes are counted; more would idle while the longest goes on."""


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
    q_values: QValues,
    environment: Environment,
    *,
    agent_steps: int | None = None,
    episodes: int | None = None,
    epsilon: float,
    seed: int,
) -> EvaluationResult:
    """Plays so many episodes, or whole ones until ``agent_steps`` agent steps have been made.

    The former is what Dopamine's labs/atari_100k does, the latter what its runner does.

    Args:
      q_values: uint8[N, 84, 84, 4] -> float32[N, num_actions]; nothing is learned.
      environment: not the one of training. Made anew for each phase, from the phase's own seed, it
        leaves nothing to be saved for an exact resumption.
      agent_steps: over all environments together (125,000 in Dopamine), or None.
      episodes: over all environments together (100 in labs/atari_100k), or None.
      epsilon: probability of a random action (0.001 in Dopamine).
      seed: of the random actions.
    """
    played = play(
        q_values, environment, epsilon=epsilon, seed=seed, agent_steps=agent_steps, episodes=episodes
    )
    return _result(played)


def _result(played: Played) -> EvaluationResult:
    return EvaluationResult(
        mean_return=sum(played.returns) / len(played.returns),
        episodes=len(played.returns),
        agent_steps=played.agent_steps,
    )


@functools.singledispatch
def phase(config: Config, agent: DqnAgent | RainbowAgent | SacAgent, *, seed: int) -> EvaluationResult:
    """Makes one evaluation phase, as the configuration describes it.

    Args:
      config: the run's.
      agent: nothing is learned.
      seed: of the phase, of its environments and random actions.
    """
    raise TypeError(f"no evaluation for a {type(config).__name__}")


@phase.register
def _(config: GameConfig, agent: DqnAgent | RainbowAgent, *, seed: int) -> EvaluationResult:
    run = config.run
    budget: dict[str, int] = {"agent_steps": run.eval_steps}
    if run.eval_episodes:
        budget = {"episodes": run.eval_episodes}
        config = configuration.replace(config, num_envs=min(run.eval_episodes, _SIDE_BY_SIDE))
    environment = environments.create(config, seed=seed)
    return evaluate(agent.q_values, environment, epsilon=run.eval_epsilon, seed=seed, **budget)


@phase.register
def _(config: ContinuousConfig, agent: SacAgent, *, seed: int) -> EvaluationResult:
    episodes = config.run.eval_episodes
    # Side by side: one forward pass serves them all.
    environment = environments.create(configuration.replace(config, num_envs=episodes), seed=seed)
    return _result(play_control(agent.greedy, environment, episodes=episodes))
