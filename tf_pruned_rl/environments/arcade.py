"""What the environments of games have in common: numbered actions, and a limit on an episode's length."""

from __future__ import annotations

import abc

import ale_py
import numpy as np

from tf_pruned_rl.environments import resumable
from tf_pruned_rl.environments.base import DiscreteSpec, Screen

_ALE = {"ale_py": ale_py.__version__}


class ArcadeEnvironment(resumable.ResumableEnvironment):
    """An ``Environment`` of numbered actions, which subclasses play: on Atari, unless they say otherwise."""

    def __init__(
        self,
        game: str,
        action_meanings: tuple[str, ...],
        *,
        num_envs: int,
        seed: int,
        max_episode_steps: int,
        screen: Screen = Screen(),  # noqa: B008, it cannot change
        software: dict[str, str] = _ALE,
    ):
        self.action_meanings = action_meanings
        self.num_actions = len(action_meanings)
        self.screen = screen
        self.frame_shape = screen.frame_shape
        self._max_episode_steps = max_episode_steps
        super().__init__(
            game,
            num_envs=num_envs,
            seed=seed,
            frames=np.zeros((num_envs, *screen.frame_shape), np.uint8),
            software=software,
        )

    @property
    def spec(self) -> DiscreteSpec:
        """What an agent observes and does."""
        return DiscreteSpec(self.num_actions, self.screen.observation_shape, self.screen.max_value)

    @abc.abstractmethod
    def _play(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Makes one agent step; returns new arrays: frames uint8, rewards float32, terminals bool."""

    @abc.abstractmethod
    def _games_over(self) -> np.ndarray:
        """Returns bool[N], where the latest step ended the game: not after every terminal state."""

    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        frames, rewards, terminals = self._play(actions)
        return frames, rewards, terminals, (self._lengths >= self._max_episode_steps) & ~terminals

    def _ended(self, terminals: np.ndarray, truncations: np.ndarray) -> np.ndarray:
        del terminals, truncations
        return self._games_over() | (self._lengths >= self._max_episode_steps)

    def _pack(self, actions: np.ndarray) -> list[bytes]:
        for action in actions.tolist():
            if not 0 <= action < self.num_actions:
                raise ValueError(f"action {action} is not in [0, {self.num_actions})")
        return [bytes((action,)) for action in actions.tolist()]

    def _unpack(self, packed: bytes) -> np.ndarray:
        return np.frombuffer(packed, np.uint8).astype(np.int32)

    def _idle(self) -> np.ndarray:
        return np.zeros((), np.int32)

    def _reseed_after(self) -> int:
        return resumable.RESEED_EVERY
