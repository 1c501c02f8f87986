"""One Atari game, straight on the Arcade Learning Environment."""

from __future__ import annotations

import ale_py
import cv2
import numpy as np

from tf_pruned_rl.environments import games
from tf_pruned_rl.environments.arcade import ArcadeEnvironment
from tf_pruned_rl.environments.base import FRAME_SHAPE


class AtariEnvironment(ArcadeEnvironment):
    """An ``Environment`` of one game, under the protocol of Machado et al. (2018) as Dopamine plays it.

    The minimal set of actions; sticky actions (per emulator frame, the emulator's own); each action
    held for ``frame_skip`` frames, or until the game ends; the element-wise maximum of the last two
    grey screens (of the first screen and zeros after a reset), reduced to 84 x 84 by averaging areas.
    A lost life ends nothing, no button is pressed at the start, and rewards are not clipped.
    """

    def __init__(
        self,
        game: str,
        *,
        seed: int,
        sticky_actions: float = 0.25,
        frame_skip: int = 4,
        max_episode_steps: int = 27_000,
    ):
        """Loads the game; ``reset`` starts it.

        Args:
          game: any spelling that ``games.check_game`` knows.
          seed: of everything random, non-negative.
          sticky_actions: probability, per emulator frame, that the previous action is repeated.
          frame_skip: emulator frames per agent step.
          max_episode_steps: agent steps after which an episode is cut.

        Raises:
          UserError: there is no such game.
        """
        game = games.check_game(game)
        self._rom = games.rom_path(game)
        self._ale = games.emulator()
        self._ale.setFloat("repeat_action_probability", sticky_actions)
        self._ale.setInt("max_num_frames_per_episode", 0)
        self._ale.loadROM(self._rom)
        self._minimal_actions: list[ale_py.Action] = self._ale.getMinimalActionSet()
        self._frame_skip = frame_skip
        # The last screen and the one before it.
        self._screens = np.zeros((2, *self._ale.getScreenDims()), np.uint8)
        super().__init__(
            game,
            tuple(action.name for action in self._minimal_actions),
            num_envs=1,
            seed=seed,
            max_episode_steps=max_episode_steps,
        )

    def _restart(self, which: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        if seeds[0] >= 0:
            self._ale.setInt("random_seed", int(seeds[0]))
            self._ale.loadROM(self._rom)  # the emulator takes up a seed only here
        self._ale.reset_game()
        self._ale.getScreenGrayscale(self._screens[0])
        self._screens[1] = 0
        return self._observe()

    def _play(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        ale, action = self._ale, self._minimal_actions[actions[0]]
        reward, terminal = 0, False
        for left in range(self._frame_skip - 1, -1, -1):
            reward += ale.act(action)
            terminal = ale.game_over()
            if terminal:
                break
            if left < 2:
                ale.getScreenGrayscale(self._screens[left])
        return self._observe(), np.array([reward], np.float32), np.array([terminal])

    def _observe(self) -> np.ndarray:
        pooled = np.maximum(self._screens[0], self._screens[1])
        return cv2.resize(pooled, FRAME_SHAPE[::-1], interpolation=cv2.INTER_AREA)[None]
