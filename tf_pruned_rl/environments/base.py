"""What a game looks like to everything that plays it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from tf_pruned_rl.errors import UserError

FRAME_SHAPE = (84, 84)
"""Height and width of an observed frame of an Atari game, in pixels (Mnih et al., 2015)."""
STACK = 4
"""Frames per observation of an Atari game, the newest last (the same)."""


class Screen(NamedTuple):
    """What an agent sees of a game."""

    frame_shape: tuple[int, ...] = FRAME_SHAPE
    """Height, width and, where a frame has several, channels."""
    stack: int = STACK
    """Frames per observation."""
    max_value: int = 255
    """The largest value in a frame; the smallest is 0."""

    @property
    def channels(self) -> int:
        """Channels of one frame."""
        return self.frame_shape[2] if len(self.frame_shape) > 2 else 1

    @property
    def observation_shape(self) -> tuple[int, int, int]:
        """Height, width, and the channels of the whole stack, the newest frame's last."""
        height, width = self.frame_shape[:2]
        return (height, width, self.stack * self.channels)


@dataclass(frozen=True)
class DiscreteSpec:
    """What an agent observes, uint8 images, and does, one of several actions."""

    num_actions: int
    """An action is an int32 below it."""
    observation_shape: tuple[int, int, int] = Screen().observation_shape
    """Height, width and channels of an observation."""
    max_value: int = Screen().max_value
    """The largest value in an observation; the smallest is 0."""


@dataclass(frozen=True)
class BoxSpec:
    """What an agent observes, float32 vectors, and does, float32 vectors within bounds."""

    observation_size: int
    """Numbers in an observation."""
    low: tuple[float, ...]
    """Smallest value of each dimension of an action."""
    high: tuple[float, ...]
    """Largest value of each dimension of an action."""

    @property
    def action_size(self) -> int:
        """Dimensions of an action."""
        return len(self.low)

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """(low, high), each float32 [A]."""
        return np.asarray(self.low, np.float32), np.asarray(self.high, np.float32)


Spec = DiscreteSpec | BoxSpec
"""What an agent has to know of its environment."""


@dataclass(frozen=True)
class Episode:
    """One episode that has ended, by the game's end or by the limit on its length."""

    env: int
    """Which of the environments side by side it was played in."""
    episode_return: float
    """Sum of its un-clipped rewards."""
    agent_steps: int
    """Its length."""
    end_agent_step: int
    """Agent steps made in all environments together since the first reset, when it ended."""


class Environment(Protocol):
    """One or several copies of a game or task, played side by side (N of them).

    In continuous control a frame is float32[observation_size], an action float32[action_size].

    Attributes:
      num_envs: N.
      spec: what an agent has to know: in a game a ``DiscreteSpec``, in continuous control a ``BoxSpec``.
      action_meanings: the name of each action, such as "NOOP" or "UPFIRE"; none in continuous control.
      game: canonical name of the game or task.
      screen: what is seen of a game; not in continuous control.
      frame_shape: of a frame, in a game that of ``screen``.
      failure: why ``step`` or ``reset`` refused to go on, if one did.
    """

    num_envs: int
    spec: Any  # of the two, the one its agents are made for
    action_meanings: tuple[str, ...]
    game: str
    screen: Screen
    frame_shape: tuple[int, ...]
    failure: UserError | None

    def reset(self) -> np.ndarray:
        """Abandons the episodes in progress, if any, and starts new ones.

        Returns:
          uint8[N, *frame_shape], their first frames.
        """

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Makes one agent step in every environment; a new episode starts wherever one ends.

        Args:
          actions: int32[N].

        Returns:
          Four arrays.

          - Frames, uint8[N, *frame_shape]: what is seen now; where an episode ended, the next one's first
            frame. After a lost life that counts as terminal the same game goes on, and this is its frame.
          - Rewards, float32[N]: un-clipped, for this step.
          - Terminals, bool[N]: the episode ended in a terminal state.
          - Truncations, bool[N]: the episode was cut at the limit on its length; never also terminal.
        """

    def finished(self) -> list[Episode]:
        """Returns the episodes that ended since the last call, in the order in which they ended."""

    def picture(self) -> np.ndarray:
        """Returns what a person would see now of the first environment, uint8[height, width, 3].

        Raises:
          UserError: there is no picture of it.
        """

    def save(self, directory: Path, previous: Path | None) -> None:
        """Writes the whole state, everything random included, into an existing empty folder."""

    def load(self, directory: Path) -> None:
        """Goes back to a saved state; what follows is as if nothing had happened."""
