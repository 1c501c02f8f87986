"""The games of MinAtar (Young and Tian, 2019), on 10x10 cells."""

from __future__ import annotations

from importlib import metadata

import numpy as np

from tf_pruned_rl.environments import games
from tf_pruned_rl.environments.arcade import ArcadeEnvironment
from tf_pruned_rl.errors import UserError

ACTIONS = ("NOOP", "LEFT", "UP", "RIGHT", "DOWN", "FIRE")
"""What the six actions of every game are, by number; in some games not all of them do something."""


class MinAtarEnvironment(ArcadeEnvironment):
    """An ``Environment`` of one game of MinAtar, as its authors play it.

    All six actions, sticky actions, difficulty that rises. A frame is what the game shows: 0 and 1 in
    10x10 cells, a channel for each kind of thing. An agent step is one frame, and there are neither
    lives nor idle starts. Several copies take turns.
    """

    def __init__(
        self,
        game: str,
        num_envs: int = 1,
        *,
        seed: int,
        sticky_actions: float = 0.1,
        max_episode_steps: int = 27_000,
    ):
        """Loads the game; ``reset`` starts it.

        Args:
          game: any spelling that ``games.check_game`` knows.
          num_envs: copies of the game, N.
          seed: of everything random, non-negative.
          sticky_actions: probability, per agent step, that the previous action is repeated.
          max_episode_steps: agent steps after which an episode is cut.

        Raises:
          UserError: there is no such game, or the package is not installed.
        """
        game = games.check_game(game, "minatar")
        make = _package().Environment
        rom = games.MINATAR[game].module
        self._make = lambda: make(rom, sticky_action_prob=sticky_actions)
        self._games = [self._make() for _ in range(num_envs)]
        self._over = np.zeros(num_envs, bool)
        super().__init__(
            game,
            ACTIONS,
            num_envs=num_envs,
            seed=seed,
            max_episode_steps=max_episode_steps,
            screen=games.minatar_screen(game),
            software={"minatar": metadata.version("minatar")},
        )

    def _restart(self, which: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        frames = self._frames.copy()
        for env in np.flatnonzero(which).tolist():
            if seeds[env] >= 0:
                # Made anew, because its last action outlives a reset and could be repeated.
                self._games[env] = self._make()
                self._games[env].seed(int(seeds[env]))
            self._games[env].reset()
            frames[env] = self._games[env].state()
        return frames

    def _play(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        frames = np.empty_like(self._frames)
        rewards, terminals = np.empty(self.num_envs, np.float32), np.empty(self.num_envs, bool)
        for env, (game, action) in enumerate(zip(self._games, actions.tolist(), strict=True)):
            rewards[env], terminals[env] = game.act(action)
            frames[env] = game.state()
        self._over = terminals
        return frames, rewards, terminals

    def _games_over(self) -> np.ndarray:
        return self._over


def _package():
    """Returns the package, which loads matplotlib: only once there is a game to play."""
    try:
        import minatar
    except ImportError as error:
        raise UserError(
            f"--suite=minatar needs the package minatar ({error}), an extra because its licence is the GPL, "
            "version 3: pip install 'tf-pruned-rl[minatar]'"
        ) from error
    return minatar
