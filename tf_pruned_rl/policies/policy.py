"""An exported policy, whatever its format: loaded, checked, played."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tf_pruned_rl import config, environments
from tf_pruned_rl.environments import games
from tf_pruned_rl.environments.base import Environment
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.policies import policy_json, runtimes
from tf_pruned_rl.policies.episodes import EpisodeResults, EpsilonGreedy, play


@dataclass(frozen=True)
class Policy:
    """An exported policy of a game, loaded."""

    description: dict
    """The content of its policy.json."""
    runtime: runtimes.Runtime
    """What computes it."""

    epsilon: ClassVar[float] = 0.001
    """Probability of a random action when nothing else is asked for (as in Dopamine)."""

    @property
    def game(self) -> str:
        """The game it was trained on."""
        return self.description["game"]

    @property
    def action_meanings(self) -> tuple[str, ...]:
        """The name of each action, by its number."""
        return tuple(self.description["action_meanings"])

    @property
    def observation_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of what it sees."""
        return tuple(self.description["signature"]["inputs"]["observations"]["shape"][1:])

    def q_values(self, observations: np.ndarray) -> np.ndarray:
        """Returns float32[B, num_actions] for uint8[B, *observation_shape], the newest frame last."""
        return self.runtime(observations)["q_values"]

    def make_environment(self, *, num_envs: int, seed: int) -> Environment:
        """Returns the policy's game under the protocol it was trained with.

        Raises:
          UserError: the game's actions or frames are not the policy's.
        """
        experiment = config.replace(policy_json.experiment(self.description), num_envs=num_envs)
        environment = environments.create(experiment, seed=seed)
        if tuple(environment.action_meanings) != self.action_meanings:
            raise UserError(
                f"{self.game} has the actions {', '.join(environment.action_meanings)} here, the policy was "
                f"trained with {', '.join(self.action_meanings)}; install the versions policy.json names"
            )
        signature = policy_json.signature(
            environments.screen(experiment).observation_shape, len(self.action_meanings)
        )
        promised = self.description["signature"]
        if any(promised[side] != signature[side] for side in ("inputs", "outputs")):
            raise UserError(
                f"{self.game} is seen as {signature['inputs']} and played by {signature['outputs']} here, "
                f"the policy takes {promised['inputs']} and gives {promised['outputs']}; export it again"
            )
        return environment

    def player(self, *, num_envs: int, epsilon: float, seed: int) -> EpsilonGreedy:
        """Returns what acts by this policy in so many environments side by side."""
        return EpsilonGreedy(
            self.q_values,
            observation_shape=self.observation_shape,
            num_envs=num_envs,
            epsilon=epsilon,
            seed=seed,
        )

    def play(self, environment: Environment, *, epsilon: float, seed: int, **how: Any) -> EpisodeResults:
        """Plays, with random actions made from ``seed``; ``how`` is as of ``episodes.play``."""
        player = self.player(num_envs=environment.num_envs, epsilon=epsilon, seed=seed)
        return play(player, environment, **how)

    def scores(self, mean_return: float) -> dict[str, float | None]:
        """Returns the human-normalised score, None where no human was measured; none outside Atari."""
        if policy_json.suite(self.description) != "atari":
            return {}
        return {"human_normalised": games.human_normalised(self.game, mean_return)}


@dataclass(frozen=True)
class ControlPolicy:
    """An exported policy of continuous control, loaded."""

    description: dict
    """The content of its policy.json."""
    runtime: runtimes.Runtime
    """What computes it."""

    epsilon: ClassVar[float] = 0.0
    """Probability of a random action: none, ever."""

    @property
    def game(self) -> str:
        """The environment it was trained in."""
        return self.description["environment"]

    def actions(self, observations: np.ndarray) -> np.ndarray:
        """Returns float32[B, A] for float32[B, D]."""
        return self.runtime(observations)["actions"]

    def make_environment(self, *, num_envs: int, seed: int) -> Environment:
        """Returns the policy's environment.

        Raises:
          UserError: its observations or actions are not the policy's, or it cannot be made.
        """
        experiment = config.replace(policy_json.experiment(self.description), num_envs=num_envs)
        environment = environments.create(experiment, seed=seed)
        sizes = [environment.spec.observation_size, environment.spec.action_size]
        promised = self.description["signature"]
        trained = [
            promised["inputs"]["observations"]["shape"][1],
            promised["outputs"]["actions"]["shape"][1],
        ]
        if sizes != trained:
            raise UserError(
                f"{self.game} has {sizes[0]} observations and {sizes[1]} actions here, the policy was "
                f"trained with {trained[0]} and {trained[1]}; install the gymnasium that policy.json names"
            )
        return environment

    def play(
        self,
        environment: Environment,
        *,
        epsilon: float,
        seed: int,
        **how: Any,
    ) -> EpisodeResults:
        """Plays the most likely actions; ``how`` is as of ``episodes.play``.

        Raises:
          UserError: random actions are asked for.
        """
        del seed  # nothing is random but the environment
        if epsilon:
            raise UserError("--epsilon is for Atari games: a policy of continuous control plays without")
        return play(lambda frames, is_first: self.actions(frames), environment, **how)

    def scores(self, mean_return: float) -> dict[str, float | None]:
        """Returns nothing: there is no human score."""
        del mean_return
        return {}


def load_policy(directory: Path | str, *, threads: int = 1) -> Policy | ControlPolicy:
    """Loads an exported policy of any format; see ``runtimes`` for what that runs.

    Args:
      directory: what ``export.py`` or a run wrote.
      threads: of the TensorFlow Lite interpreter.

    Raises:
      UserError: there is no policy, a file of it is missing or damaged, or its signature is not the
        one that policy.json promises.
    """
    directory = Path(directory)
    description = policy_json.read(directory)
    policy_json.check_files(directory, description)
    runtime = runtimes.load(directory, description, threads=threads)
    control = config.config_class(description["agent"]) is config.ContinuousConfig
    return (ControlPolicy if control else Policy)(description, runtime)
