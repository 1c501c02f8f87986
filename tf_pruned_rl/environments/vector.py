"""Several copies of an Atari game side by side, on ale-py's threaded C++ environment."""

from __future__ import annotations

import numpy as np
from ale_py.vector_env import AtariVectorEnv

from tf_pruned_rl.environments import games
from tf_pruned_rl.environments.arcade import ArcadeEnvironment
from tf_pruned_rl.environments.base import FRAME_SHAPE

_NEVER = 2**30  # frames; the limit on an episode's length is applied in ArcadeEnvironment


class VectorAtariEnvironment(ArcadeEnvironment):
    """N times what ``AtariEnvironment`` is, byte for byte, but stepped in parallel.

    Environment ``i`` has random streams of its own, made from (seed, i); with the same emulator seeds
    and actions it shows the same frames and rewards as an ``AtariEnvironment``.
    """

    def __init__(
        self,
        game: str,
        num_envs: int,
        *,
        seed: int,
        sticky_actions: float = 0.25,
        frame_skip: int = 4,
        max_episode_steps: int = 27_000,
        num_threads: int = 0,
    ):
        """Loads the games; ``reset`` starts them.

        Args:
          game: any spelling that ``games.check_game`` knows.
          num_envs: copies of the game, N.
          seed: of everything random, non-negative.
          sticky_actions: probability, per emulator frame, that the previous action is repeated.
          frame_skip: emulator frames per agent step.
          max_episode_steps: agent steps after which an episode is cut.
          num_threads: emulator threads; 0 takes as many as there are environments, or cores if fewer.

        Raises:
          UserError: there is no such game.
        """
        game = games.check_game(game)
        self._over = np.zeros(num_envs, bool)
        self._games = AtariVectorEnv(
            games.rom_id(game),
            num_envs,
            num_threads=num_threads,
            max_num_frames_per_episode=_NEVER,
            repeat_action_probability=sticky_actions,
            full_action_space=False,
            # Episodes that end are restarted at once by _restart, so the next step never does it.
            autoreset_mode="NextStep",
            img_height=FRAME_SHAPE[0],
            img_width=FRAME_SHAPE[1],
            grayscale=True,
            stack_num=1,
            frameskip=frame_skip,
            maxpool=True,
            noop_max=0,
            episodic_life=False,
            life_loss_info=False,
            reward_clipping=False,
            use_fire_reset=False,
        )
        super().__init__(
            game,
            tuple(action.name for action in self._games.ale.get_action_set()),
            num_envs=num_envs,
            seed=seed,
            max_episode_steps=max_episode_steps,
        )

    def _restart(self, which: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        frames: np.ndarray
        frames, _ = self._games.reset(seed=seeds[which], options={"reset_mask": which})
        return frames[:, 0]

    def _play(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        frames, rewards, self._over, _, _ = self._games.step(actions.astype(np.int32, copy=False))
        return frames[:, 0], rewards.astype(np.float32), self._over

    def _games_over(self) -> np.ndarray:
        return self._over
