"""Whole episodes of a game or task, whoever acts; nothing here needs TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tf_pruned_rl.environments.base import Environment, Episode

Act = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(observations or newest screens [N, ...], is_first bool[N]) -> actions [N, ...].

``is_first`` is true where a screen is the first since a terminal state."""


@dataclass(frozen=True)
class EpisodeResults:
    """The episodes that were played."""

    returns: tuple[float, ...]
    """Un-clipped return of each episode, in the order in which they ended."""
    lengths: tuple[int, ...]
    """Agent steps of each episode."""

    @property
    def mean_return(self) -> float:
        """Mean un-clipped return."""
        return sum(self.returns) / len(self.returns)

    @property
    def agent_steps(self) -> int:
        """Agent steps of all episodes together."""
        return sum(self.lengths)


def play(
    act: Act,
    environment: Environment,
    *,
    episodes: int | None = None,
    agent_steps: int | None = None,
    report: Callable[[Episode], None] = lambda episode: None,
    watch: Callable[[], None] = lambda: None,
) -> EpisodeResults:
    """Plays whole episodes from a reset.

    With several environments side by side the short episodes end first, so counting those that end
    first would be biased. Here an episode counts if it *began* while more were wanted, and all that
    began are played to their end; with one environment this is Dopamine's rule.

    Args:
      act: who acts, for example an ``EpsilonGreedy``.
      environment: its episodes in progress are abandoned.
      episodes: how many episodes to play; or
      agent_steps: begin new episodes until this many agent steps have been played.
      report: called with each episode that counts, as it ends.
      watch: called whenever there is something new to see.

    Raises:
      ValueError: not exactly one of ``episodes`` and ``agent_steps`` is given, or it is not positive.
    """
    if (episodes is None) == (agent_steps is None):
        raise ValueError("give either episodes or agent_steps")
    if (episodes or agent_steps or 0) <= 0:
        raise ValueError("episodes and agent_steps must be positive")
    count = environment.num_envs
    frames, is_first = environment.reset(), np.ones(count, bool)
    fresh = is_first  # where an episode begins; ``is_first`` is also true after a lost life that is terminal
    environment.finished()  # those of an earlier use
    counts = np.zeros(count, bool)  # whether the episode in progress counts
    returns: list[float] = []
    lengths: list[int] = []
    begun = played = 0
    while True:
        watch()
        for index in np.flatnonzero(fresh):
            counts[index] = played < agent_steps if agent_steps is not None else begun < (episodes or 0)
            begun += 1
        if not counts.any():
            return EpisodeResults(tuple(returns), tuple(lengths))
        frames, _, terminals, truncations = environment.step(act(frames, is_first))
        is_first, fresh = terminals | truncations, np.zeros(count, bool)
        played += int(counts.sum())
        for episode in environment.finished():
            fresh[episode.env] = True
            if counts[episode.env]:
                returns.append(float(episode.episode_return))
                lengths.append(int(episode.agent_steps))
                report(episode)


class EpsilonGreedy:
    """Stacks the frames it is shown and takes the action of the greatest value, or at times any.

    Attributes:
      observations: uint8[N, height, width, channels], the newest frame last: what was acted on last.
    """

    def __init__(
        self,
        q_values: Callable[[np.ndarray], np.ndarray],
        *,
        observation_shape: tuple[int, int, int],
        num_envs: int,
        epsilon: float,
        seed: int,
    ):
        """Starts with empty stacks.

        Args:
          q_values: uint8[N, *observation_shape] -> float32[N, num_actions].
          observation_shape: height, width, channels of the whole stack.
          num_envs: N.
          epsilon: probability of a uniformly random action, in [0, 1].
          seed: of the random actions, which are the same for all policies of a game.
        """
        self._q_values = q_values
        self._epsilon = epsilon
        self._generator = np.random.default_rng(seed)
        self.observations = np.zeros((num_envs, *observation_shape), np.uint8)

    def __call__(self, frames: np.ndarray, is_first: np.ndarray) -> np.ndarray:
        """Returns the actions, int32[N]; see ``Act``."""
        self.observations = push(self.observations, frames, is_first)
        values = self._q_values(self.observations)
        draws = self._generator.random((2, len(frames)))
        anything = (draws[1] * values.shape[1]).astype(np.int32)
        return np.where(draws[0] < self._epsilon, anything, values.argmax(-1).astype(np.int32))


def push(stacks: np.ndarray, frames: np.ndarray, is_first: np.ndarray) -> np.ndarray:
    """Returns the stacks with one more frame: newest last, zeros before an episode's first frame.

    Args:
      stacks: uint8[N, height, width, k], the observations before.
      frames: uint8[N, height, width], or with channels of their own [N, height, width, c].
      is_first: bool[N], where the frame is the first of its episode.
    """
    newest = frames.reshape(*stacks.shape[:3], -1)
    kept = stacks[..., newest.shape[3] :]
    return np.concatenate([np.where(is_first[:, None, None, None], np.uint8(0), kept), newest], axis=-1)
