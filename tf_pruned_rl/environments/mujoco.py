"""Continuous control: MuJoCo, and any other gymnasium environment with Box observations and actions.

Nothing here is MuJoCo's own: its tasks are reached through gymnasium like any other.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import importlib.metadata
import re
import warnings
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from tf_pruned_rl.environments.base import BoxSpec
from tf_pruned_rl.environments.resumable import ResumableEnvironment
from tf_pruned_rl.errors import UserError


def check_env(name: str) -> str:
    """Returns the full id of an environment: ``check_env("Walker2d") == "Walker2d-v5"``.

    Args:
      name: with its version, or without for the newest.

    Raises:
      UserError: there is no such environment; it names the nearest ones.
    """
    ids = gymnasium.registry.keys()
    if name in ids:
        return name
    versions = [known for known in ids if re.fullmatch(re.escape(name) + r"-v\d+", known)]
    if versions:
        return max(versions, key=lambda known: int(known.rpartition("-v")[2]))
    folded = {known.lower(): known for known in sorted(ids)}
    near = difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(folded[one] for one in near)}?" if near else "for example Walker2d"
    raise UserError(f"unknown environment {name!r}: --env takes an id of gymnasium; {hint}")


def make(env: str, max_episode_steps: int = 0) -> gymnasium.Env:
    """Makes one environment.

    Args:
      env: full id.
      max_episode_steps: environment steps after which an episode is cut; 0 takes its own limit.

    Raises:
      UserError: gymnasium cannot make it here.
    """
    try:
        _take_warnings()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # gymnasium recommends newer versions of what was asked for
            return gymnasium.make(env, max_episode_steps=max_episode_steps or None, disable_env_checker=True)
    except Exception as error:  # whatever the environment's own code or a missing package raises
        raise UserError(
            f"gymnasium cannot make {env} ({error}): install what it needs, or choose another --env"
        ) from error


@functools.cache
def _take_warnings() -> None:
    """Has MuJoCo's warnings shown as Python's, but for what gymnasium's own models are out of date in.

    MuJoCo itself would print them, and write them to a file in the working directory.
    """

    def warn(message: str) -> None:
        if "deprecated" not in message:
            warnings.warn(f"MuJoCo: {message}", RuntimeWarning, stacklevel=2)

    with contextlib.suppress(ImportError):
        import mujoco

        mujoco.set_mju_user_warning(warn)


@functools.cache
def spaces(env: str) -> BoxSpec:
    """Returns what an agent observes and does in an environment.

    Raises:
      UserError: it cannot be made, or its observations or actions are not bounded boxes of numbers.
    """
    made = make(env)
    actions, observations = made.action_space, made.observation_space
    made.close()
    if not isinstance(actions, gymnasium.spaces.Box):
        raise UserError(
            f"{env} has discrete actions ({actions}), --env takes environments with continuous ones (Box); "
            "experiments/online.py plays Atari games"
        )
    if not isinstance(observations, gymnasium.spaces.Box):
        raise UserError(
            f"{env} observes {observations}, --env takes environments that observe a Box of numbers"
        )
    if not np.all(np.isfinite(actions.low) & np.isfinite(actions.high) & (actions.low < actions.high)):
        raise UserError(f"{env} has actions without bounds ({actions}): choose another --env")
    low, high = (tuple(map(float, bound.ravel())) for bound in (actions.low, actions.high))
    return BoxSpec(int(np.prod(observations.shape)), low, high)


class ControlEnvironment(ResumableEnvironment):
    """N copies of a task behind gymnasium's vector API.

    Every episode starts from a seed of its own, made from the run's, so a saved state is the seeds and
    the actions of the episodes in progress. Observations and actions are flat float32 vectors.
    """

    def __init__(self, env: str, num_envs: int = 1, *, seed: int, max_episode_steps: int = 0):
        """Makes the environments; ``reset`` starts them.

        Args:
          env: any spelling that ``check_env`` knows.
          num_envs: copies, N.
          seed: of everything random, non-negative.
          max_episode_steps: environment steps after which an episode is cut; 0 takes its own limit.

        Raises:
          UserError: as ``check_env`` and ``spaces``.
        """
        env = check_env(env)
        self.spec = spaces(env)
        self.action_meanings: tuple[str, ...] = ()
        self.frame_shape = (self.spec.observation_size,)
        self._envs: Any = SyncVectorEnv(
            [lambda: make(env, max_episode_steps)] * num_envs,
            copy=False,
            autoreset_mode=AutoresetMode.DISABLED,
        )
        self._action_shape = self._envs.action_space.shape
        self._low, self._high = (np.array(b, np.float32) for b in (self.spec.low, self.spec.high))
        self.final_observations = np.zeros((num_envs, *self.frame_shape), np.float32)
        """float32[N, observation_size]: what the last step led to, also where an episode ended there."""
        super().__init__(
            env,
            num_envs=num_envs,
            seed=seed,
            frames=np.zeros_like(self.final_observations),
            software=_software(),
        )

    def _restart(self, which: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        seed = [int(seed) if seed >= 0 else None for seed in seeds]
        observations, _ = self._envs.reset(seed=seed, options={"reset_mask": which})
        return self._flat(observations)

    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        # Rounding may take an action past its bounds by a bit, which some environments refuse.
        bounded = np.clip(actions, self._low, self._high).reshape(self._action_shape)
        try:
            observations, rewards, terminals, truncations, _ = self._envs.step(bounded)
        except Exception as error:  # whatever the environment's own code raises
            raise UserError(
                f"{self.game} failed at agent step {self._agent_steps:,} ({type(error).__name__}: {error}): "
                "mend the environment, then give the same command to go on from the last checkpoint"
            ) from error
        self.final_observations = self._flat(observations)
        return self.final_observations, rewards.astype(np.float32), terminals, truncations & ~terminals

    def _flat(self, observations: np.ndarray) -> np.ndarray:
        # A new array: the simulator's own is overwritten by the next step.
        return np.array(observations, np.float32).reshape(len(observations), -1)

    def _pack(self, actions: np.ndarray) -> list[bytes]:
        if not np.isfinite(actions).all():
            raise ValueError("an action is not a finite number")
        return [action.tobytes() for action in np.asarray(actions, np.float32)]

    def _unpack(self, packed: bytes) -> np.ndarray:
        return np.frombuffer(packed, np.float32).reshape(-1, self.spec.action_size)

    def _idle(self) -> np.ndarray:
        return self._low

    def _reseed_after(self) -> int:
        return 0


def _software() -> dict[str, str]:
    """Returns the versions of what simulates the tasks."""
    found = {"gymnasium": gymnasium.__version__}
    try:
        found["mujoco"] = importlib.metadata.version("mujoco")
    except importlib.metadata.PackageNotFoundError:
        found["mujoco"] = "not installed"
    return found
