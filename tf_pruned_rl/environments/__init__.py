"""Games under their published protocols, and continuous control; nothing here needs TensorFlow."""

from __future__ import annotations

import functools

from tf_pruned_rl import config as configuration
from tf_pruned_rl.config import Config, ContinuousConfig, GameConfig
from tf_pruned_rl.environments import games
from tf_pruned_rl.environments.atari import AtariEnvironment
from tf_pruned_rl.environments.base import BoxSpec, DiscreteSpec, Environment, Episode, Screen, Spec
from tf_pruned_rl.environments.minatar import MinAtarEnvironment
from tf_pruned_rl.environments.mujoco import ControlEnvironment, check_env, spaces
from tf_pruned_rl.environments.vector import VectorAtariEnvironment

__all__ = [
    "AtariEnvironment",
    "BoxSpec",
    "ControlEnvironment",
    "DiscreteSpec",
    "Environment",
    "Episode",
    "MinAtarEnvironment",
    "Screen",
    "Spec",
    "VectorAtariEnvironment",
    "canonical",
    "check_env",
    "create",
    "screen",
    "spaces",
    "with_scores",
]


@functools.singledispatch
def create(config: Config, *, seed: int) -> Environment:
    """Returns the environment that ``config.environment`` describes; call ``reset`` or ``load`` on it.

    Args:
      config: only its environment part matters.
      seed: of everything random, non-negative.

    Raises:
      UserError: there is no such game or task.
    """
    raise TypeError(f"no environments for a {type(config).__name__}")


@create.register
def _(config: GameConfig, *, seed: int) -> Environment:
    wanted = config.environment
    protocol = {
        "seed": seed,
        "sticky_actions": wanted.sticky_actions,
        "max_episode_steps": wanted.max_episode_steps,
    }
    if wanted.suite == "minatar":
        return MinAtarEnvironment(wanted.game, wanted.num_envs, **protocol)
    protocol["frame_skip"] = wanted.frame_skip
    rules = {"terminal_on_life_loss": wanted.terminal_on_life_loss, "max_noops": wanted.max_noops}
    if wanted.num_envs == 1 or any(rules.values()):
        return AtariEnvironment(wanted.game, wanted.num_envs, **protocol, **rules)
    return VectorAtariEnvironment(wanted.game, wanted.num_envs, **protocol)


@create.register
def _(config: ContinuousConfig, *, seed: int) -> Environment:
    wanted = config.environment
    return ControlEnvironment(
        wanted.env, wanted.num_envs, seed=seed, max_episode_steps=wanted.max_episode_steps
    )


@functools.singledispatch
def canonical(config: Config) -> Config:
    """Returns the configuration with what is played in its one spelling.

    Raises:
      UserError: there is no such game or task, or it cannot be played.
    """
    raise TypeError(f"no environments for a {type(config).__name__}")


@canonical.register
def _(config: GameConfig) -> Config:
    wanted = config.environment
    return configuration.replace(config, game=games.check_game(wanted.game, wanted.suite))


@canonical.register
def _(config: ContinuousConfig) -> Config:
    env = check_env(config.environment.env)
    spaces(env)
    return configuration.replace(config, env=env)


def screen(config: GameConfig) -> Screen:
    """Returns what is seen of the game.

    Raises:
      UserError: there is no such game.
    """
    wanted = config.environment
    if wanted.suite == "minatar":
        return games.minatar_screen(games.check_game(wanted.game, wanted.suite))
    return Screen()


@functools.singledispatch
def with_scores(config: Config, values: dict[str, float]) -> dict[str, float]:
    """Returns ``values`` with what is known about its "mean_return" beside it."""
    del config
    return values


@with_scores.register
def _(config: GameConfig, values: dict[str, float]) -> dict[str, float]:
    if config.environment.suite != "atari":  # no human has been measured
        return values
    return games.with_human_normalised(config.environment.game, values)
