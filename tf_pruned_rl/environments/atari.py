"""Atari games, straight on the Arcade Learning Environment."""

from __future__ import annotations

import ale_py
import cv2
import numpy as np

from tf_pruned_rl.environments import games
from tf_pruned_rl.environments.arcade import ArcadeEnvironment
from tf_pruned_rl.environments.base import FRAME_SHAPE
from tf_pruned_rl.seeding import Purpose, numpy_generator


class AtariEnvironment(ArcadeEnvironment):
    """An ``Environment`` of one game, under the protocol of Machado et al. (2018) as Dopamine plays it.

    The minimal set of actions; sticky actions (per emulator frame, the emulator's own); each action
    held for ``frame_skip`` frames, or until the game ends; the element-wise maximum of the last two
    grey screens (of the first screen and zeros after a reset), reduced to 84 x 84 by averaging areas.
    No button is pressed at the start, and rewards are not clipped.

    On request as for DER and DrQ(eps): a lost life is a terminal state after which the same game goes
    on, and games start with idle steps. Several copies take turns, so ``VectorAtariEnvironment`` is
    faster where it will do.
    """

    def __init__(
        self,
        game: str,
        num_envs: int = 1,
        *,
        seed: int,
        sticky_actions: float = 0.25,
        frame_skip: int = 4,
        max_episode_steps: int = 27_000,
        terminal_on_life_loss: bool = False,
        max_noops: int = 0,
    ):
        """Loads the game; ``reset`` starts it.

        Args:
          game: any spelling that ``games.check_game`` knows.
          num_envs: copies of the game, N.
          seed: of everything random, non-negative.
          sticky_actions: probability, per emulator frame, that the previous action is repeated.
          frame_skip: emulator frames per agent step.
          max_episode_steps: agent steps after which an episode is cut.
          terminal_on_life_loss: whether a lost life is a terminal state; ``finished`` tells of whole
            games all the same.
          max_noops: a game starts with 0 to ``max_noops`` - 1 idle agent steps, each number equally
            likely, that count nowhere; 0 is none.

        Raises:
          UserError: there is no such game.
        """
        game = games.check_game(game)
        self._games = [
            _Game(
                game,
                sticky_actions=sticky_actions,
                frame_skip=frame_skip,
                terminal_on_life_loss=terminal_on_life_loss,
                max_noops=max_noops,
            )
            for _ in range(num_envs)
        ]
        super().__init__(
            game,
            tuple(action.name for action in self._games[0].minimal_actions),
            num_envs=num_envs,
            seed=seed,
            max_episode_steps=max_episode_steps,
        )

    def _restart(self, which: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        frames = self._frames.copy()
        for env in np.flatnonzero(which).tolist():
            frames[env] = self._games[env].start(int(seeds[env]))
        return frames

    def _play(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        played = [game.play(action) for game, action in zip(self._games, actions.tolist(), strict=True)]
        frames, rewards, terminals = zip(*played, strict=True)
        return np.stack(frames), np.array(rewards, np.float32), np.array(terminals)

    def picture(self) -> np.ndarray:
        """Returns the first game's screen in colours, uint8[height, width, 3]."""
        return self._games[0].screen()

    def _games_over(self) -> np.ndarray:
        return np.array([game.over for game in self._games])


class _Game:
    """One emulator, and the rules by which it is played.

    Attributes:
      minimal_actions: the actions, by number.
      over: whether the game has ended.
    """

    def __init__(
        self,
        game: str,
        *,
        sticky_actions: float,
        frame_skip: int,
        terminal_on_life_loss: bool,
        max_noops: int,
    ):
        self._rom = games.rom_path(game)
        self._ale = games.emulator()
        self._ale.setFloat("repeat_action_probability", sticky_actions)
        self._ale.setInt("max_num_frames_per_episode", 0)
        self._ale.loadROM(self._rom)
        self.minimal_actions: list[ale_py.Action] = self._ale.getMinimalActionSet()
        self.over = False
        self._frame_skip = frame_skip
        self._terminal_on_life_loss = terminal_on_life_loss
        self._max_noops = max_noops
        self._generator = numpy_generator(Purpose.NOOPS)
        self._lives = 0
        # The last screen and the one before it.
        self._screens = np.zeros((2, *self._ale.getScreenDims()), np.uint8)

    def start(self, seed: int) -> np.ndarray:
        """Starts a game, newly seeded unless ``seed`` is negative; returns its first frame."""
        if seed >= 0:
            self._ale.setInt("random_seed", seed)
            self._ale.loadROM(self._rom)  # the emulator takes up a seed only here
            self._generator = numpy_generator(Purpose.NOOPS, seed)
        frame = self._reset()
        for _ in range(self._generator.integers(self._max_noops) if self._max_noops else 0):
            frame, _, _ = self.play(0)
            if self.over:
                frame = self._reset()
        return frame

    def _reset(self) -> np.ndarray:
        self._ale.reset_game()
        self._ale.getScreenGrayscale(self._screens[0])
        self._screens[1] = 0
        self.over, self._lives = False, self._ale.lives()
        return self._observe()

    def play(self, number: int) -> tuple[np.ndarray, int, bool]:
        """Makes one agent step; returns frame, reward, and whether it ended in a terminal state."""
        ale, action = self._ale, self.minimal_actions[number]
        reward, terminal = 0, False
        for left in range(self._frame_skip - 1, -1, -1):
            reward += ale.act(action)
            self.over = ale.game_over()
            terminal = self.over or (self._terminal_on_life_loss and self._life_lost())
            if left < 2:  # before a lost life breaks off the step: its screen is observed
                ale.getScreenGrayscale(self._screens[left])
            if terminal:
                break
        return self._observe(), reward, terminal

    def screen(self) -> np.ndarray:
        """Returns the screen in colours, uint8[height, width, 3]."""
        return self._ale.getScreenRGB()

    def _life_lost(self) -> bool:
        before, self._lives = self._lives, self._ale.lives()
        return self._lives < before

    def _observe(self) -> np.ndarray:
        pooled = np.maximum(self._screens[0], self._screens[1])
        return cv2.resize(pooled, FRAME_SHAPE[::-1], interpolation=cv2.INTER_AREA)
