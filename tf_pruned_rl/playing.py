"""Plays a game or task: with an exported policy, or the one being trained.

Everything here needs TensorFlow and the environments only: an exported policy is played without
the agents, TF-Agents or the pruning library. The evaluation phases of training use the same code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from tf_pruned_rl import config, environments
from tf_pruned_rl.environments import games
from tf_pruned_rl.environments.base import Environment, Episode
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.exporting import policy_json
from tf_pruned_rl.quiet import leave_out_fusions

QValues = Callable[[tf.Tensor], tf.Tensor]
"""uint8[B, *observation_shape] observations -> float32[B, num_actions] values."""


@dataclass(frozen=True)
class Policy:
    """An exported policy, loaded."""

    description: dict
    """The content of its policy.json."""
    saved_model: Any
    """The loaded SavedModel; it owns the variables that the signature reads."""

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

    def q_values(self, observations: tf.Tensor) -> tf.Tensor:
        """Returns float32[B, num_actions] for uint8[B, *observation_shape], the newest frame last."""
        return self.saved_model.signatures[policy_json.SIGNATURE](observations=observations)["q_values"]

    def make_environment(self, *, num_envs: int, seed: int) -> Environment:
        """Returns the policy's game under the protocol it was trained with.

        Raises:
          UserError: the game's actions are not the policy's.
        """
        experiment = config.replace(policy_json.experiment(self.description), num_envs=num_envs)
        environment = environments.create(experiment, seed=seed)
        if tuple(environment.action_meanings) != self.action_meanings:
            raise UserError(
                f"{self.game} has the actions {', '.join(environment.action_meanings)} here, the policy was "
                f"trained with {', '.join(self.action_meanings)}; install the versions policy.json names"
            )
        return environment

    def play(self, environment: Environment, *, epsilon: float, **how: Any) -> Played:
        """Plays; ``how`` is as of the function ``play``."""
        return play(self.q_values, environment, epsilon=epsilon, **how)

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
    saved_model: Any
    """The loaded SavedModel; it owns the variables that the signature reads."""

    epsilon: ClassVar[float] = 0.0
    """Probability of a random action: none, ever."""

    @property
    def game(self) -> str:
        """The environment it was trained in."""
        return self.description["environment"]

    def actions(self, observations: tf.Tensor) -> tf.Tensor:
        """Returns float32[B, A] for float32[B, D]."""
        return self.saved_model.signatures[policy_json.SIGNATURE](observations=observations)["actions"]

    def make_environment(self, *, num_envs: int, seed: int) -> Environment:
        """Returns the policy's environment.

        Raises:
          UserError: its observations or actions are not the policy's, or it cannot be made.
        """
        experiment = config.replace(policy_json.experiment(self.description), num_envs=num_envs)
        environment = environments.create(experiment, seed=seed)
        sizes = [environment.interface.observation_size, environment.interface.action_size]
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
        episodes: int,
        seed: int,
        report: Callable[[Episode], None],
    ) -> Played:
        """Plays the most likely actions.

        Raises:
          UserError: random actions are asked for.
        """
        del seed  # nothing is random but the environment
        if epsilon:
            raise UserError("--epsilon is for Atari games: a policy of continuous control plays without")
        return play_control(self.actions, environment, episodes=episodes, report=report)

    def scores(self, mean_return: float) -> dict[str, float | None]:
        """Returns nothing: there is no human score."""
        del mean_return
        return {}


def load_policy(directory: Path | str) -> Policy | ControlPolicy:
    """Loads what ``exporting.export_policy`` wrote.

    Raises:
      UserError: there is no policy, a file of it is missing or damaged, or its signature is not the
        one that policy.json promises.
    """
    leave_out_fusions()
    directory = Path(directory)
    description = policy_json.read(directory)
    policy_json.check_files(directory, description)
    try:
        saved_model = tf.saved_model.load(str(directory))
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{directory} cannot be loaded as a SavedModel ({reason}); export it again"
        ) from error
    _check_signature(directory, saved_model, description)
    control = config.kind(description["agent"]) is config.ContinuousConfig
    return (ControlPolicy if control else Policy)(description, saved_model)


def _check_signature(directory: Path, saved_model: Any, description: dict) -> None:
    """Raises UserError unless the SavedModel takes and gives what policy.json says."""
    function = saved_model.signatures.get(policy_json.SIGNATURE)
    if function is None:
        raise UserError(f"{directory} has no signature {policy_json.SIGNATURE}; export it again")
    found = {
        "inputs": _specs(function.structured_input_signature[1]),
        "outputs": _specs(function.structured_outputs),
    }
    for side, specs in found.items():
        promised = description["signature"][side]
        if specs != promised:
            raise UserError(
                f"{directory}: the {side} are {specs}, policy.json says {promised}; export it again"
            )


def _specs(tensors: dict[str, tf.TensorSpec]) -> dict[str, dict]:
    """Returns {name: {dtype, shape}} as policy.json spells it."""
    return {
        name: {"dtype": spec.dtype.name, "shape": spec.shape.as_list()}
        for name, spec in sorted(tensors.items())
    }


@dataclass(frozen=True)
class Played:
    """The episodes that were played."""

    returns: tuple[float, ...]
    """Un-clipped return of each episode, in the order in which they ended."""
    lengths: tuple[int, ...]
    """Agent steps of each episode."""

    @property
    def agent_steps(self) -> int:
        """Agent steps of all episodes together."""
        return sum(self.lengths)


def play(
    q_values: QValues,
    environment: Environment,
    *,
    epsilon: float,
    seed: int,
    episodes: int | None = None,
    agent_steps: int | None = None,
    report: Callable[[Episode], None] = lambda episode: None,
) -> Played:
    """Plays whole episodes, epsilon-greedily, from a reset.

    With several environments side by side the short episodes end first, so counting those that end
    first would be biased. Here an episode counts if it *began* while more were wanted, and all that
    began are played to their end; with one environment this is Dopamine's rule.

    Args:
      q_values: the values acted on; traced once into a graph.
      environment: its episodes in progress are abandoned.
      epsilon: probability of a uniformly random action, in [0, 1].
      seed: of the random actions; the environment has its own.
      episodes: how many episodes to play; or
      agent_steps: begin new episodes until this many agent steps have been played.
      report: called with each episode that counts, as it ends.

    Raises:
      ValueError: not exactly one of ``episodes`` and ``agent_steps`` is given, or it is not positive.
    """
    if (episodes is None) == (agent_steps is None):
        raise ValueError("give either episodes or agent_steps")
    if (episodes or agent_steps or 0) <= 0:
        raise ValueError("episodes and agent_steps must be positive")
    act = _Stacked(q_values, environment, epsilon, seed)
    return _play(act, environment, episodes=episodes, agent_steps=agent_steps, report=report)


def play_control(
    actions: Callable[[tf.Tensor], tf.Tensor],
    environment: Environment,
    *,
    episodes: int,
    report: Callable[[Episode], None] = lambda episode: None,
) -> Played:
    """Plays whole episodes of continuous control from a reset; the same episodes count as in ``play``.

    Args:
      actions: float32[N, D] observations -> float32[N, A] actions; traced once into a graph.
      environment: its episodes in progress are abandoned.
      episodes: how many episodes to play.
      report: called with each episode that counts, as it ends.
    """
    shape = (environment.num_envs, *environment.frame_shape)
    graph = tf.function(actions, input_signature=[tf.TensorSpec(shape, tf.float32)])

    def act(frames: np.ndarray, began: np.ndarray, step: int) -> np.ndarray:
        del began, step
        return graph(frames).numpy()

    return _play(act, environment, episodes=episodes, agent_steps=None, report=report)


def _play(
    act: Callable[[np.ndarray, np.ndarray, int], np.ndarray],
    environment: Environment,
    *,
    episodes: int | None,
    agent_steps: int | None,
    report: Callable[[Episode], None],
) -> Played:
    """Plays by ``act(frames, began, step)``, which returns the actions; see ``play``."""
    count = environment.num_envs
    frames, began = environment.reset(), np.ones(count, bool)
    fresh = began  # where an episode begins; ``began`` is also true after a lost life that is terminal
    environment.finished()  # those of an earlier use
    counts = np.zeros(count, bool)  # whether the episode in progress counts
    returns: list[float] = []
    lengths: list[int] = []
    begun = played = step = 0
    while True:
        for index in np.flatnonzero(fresh):
            counts[index] = played < agent_steps if agent_steps is not None else begun < (episodes or 0)
            begun += 1
        if not counts.any():
            return Played(tuple(returns), tuple(lengths))
        frames, _, terminals, truncations = environment.step(act(frames, began, step))
        began, fresh = terminals | truncations, np.zeros(count, bool)
        played += int(counts.sum())
        step += 1
        for episode in environment.finished():
            fresh[episode.env] = True
            if counts[episode.env]:
                returns.append(float(episode.episode_return))
                lengths.append(int(episode.agent_steps))
                report(episode)


def push(stack: tf.Tensor, frames: tf.Tensor, began: tf.Tensor) -> tf.Tensor:
    """Returns the stacks with one more frame: newest last, zeros before an episode's first frame.

    Args:
      stack: uint8[N, height, width, k], the observations before.
      frames: uint8[N, height, width] or uint8[N, height, width, channels].
      began: bool[N], where the frame is the first of its episode.
    """
    newest = frames if len(frames.shape) == 4 else frames[..., None]
    if newest.shape[3] == stack.shape[3]:
        return newest
    kept = stack[..., newest.shape[3] :]
    return tf.concat([tf.where(began[:, None, None, None], tf.zeros_like(kept), kept), newest], axis=-1)


class _Stacked:
    """Stacks the frames it is shown and acts on them, epsilon-greedily."""

    def __init__(self, q_values: QValues, environment: Environment, epsilon: float, seed: int):
        self._act = _actor(q_values, environment, epsilon, seed)
        self._stack = tf.zeros((environment.num_envs, *environment.screen.observation_shape), tf.uint8)

    def __call__(self, frames: np.ndarray, began: np.ndarray, step: int) -> np.ndarray:
        self._stack, actions = self._act(self._stack, frames, began, tf.constant(step, tf.int64))
        return actions.numpy()


def _actor(q_values: QValues, environment: Environment, epsilon: float, seed: int) -> Callable:
    """Returns the graph (stack, frames, began, step) -> (stack, actions int32[N])."""
    count, screen = environment.num_envs, environment.screen

    @tf.function(
        input_signature=[
            tf.TensorSpec((count, *screen.observation_shape), tf.uint8),
            tf.TensorSpec((count, *screen.frame_shape), tf.uint8),
            tf.TensorSpec((count,), tf.bool),
            tf.TensorSpec((), tf.int64),
        ]
    )
    def act(stack: tf.Tensor, frames: tf.Tensor, began: tf.Tensor, step: tf.Tensor):
        stack = push(stack, frames, began)
        greedy = tf.argmax(q_values(stack), axis=-1, output_type=tf.int32)
        # Stateless: the actions are a function of seed and step, and nothing has to be saved.
        draws = tf.random.stateless_uniform((2, count), seed=tf.stack([tf.constant(seed, tf.int64), step]))
        anything = tf.cast(draws[1] * environment.num_actions, tf.int32)
        return stack, tf.where(draws[0] < epsilon, anything, greedy)

    return act
