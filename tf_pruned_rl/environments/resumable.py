"""Episodes, limits and exact resumption: what every Atari environment has in common."""

from __future__ import annotations

import abc
import hashlib
import json
from pathlib import Path

import ale_py
import numpy as np

from tf_pruned_rl.environments.base import FRAME_SHAPE, Episode
from tf_pruned_rl.errors import UserError

RESEED_EVERY = 10_000
"""Agent steps of one environment after which its next episode starts in a newly seeded emulator.

It bounds what a load has to replay (this, and one episode); more often costs speed, since loading
a game takes the emulator as long as playing a few hundred steps.
"""

_STATE, _ACTIONS = "environment.json", "actions.bin"


class ResumableEnvironment(abc.ABC):
    """An ``Environment`` whose state is a seed and the actions since.

    The emulator's own snapshots are not exact: restoring one takes Q*bert and Tetris elsewhere
    (ale-py up to 0.12.1), none holds the sticky action, and the vector environment has none. But the
    emulator is deterministic given its seed, so playing the same actions again, from the last seeding
    on, leads to the same state in every game.

    Subclasses say how to play: ``_restart`` and ``_advance``.
    """

    def __init__(
        self, game: str, action_meanings: tuple[str, ...], *, num_envs: int, seed: int, max_episode_steps: int
    ):
        self.game = game
        self.action_meanings = action_meanings
        self.num_actions = len(action_meanings)
        self.num_envs = num_envs
        self.frame_shape = FRAME_SHAPE
        self._seed = seed
        self._max_episode_steps = max_episode_steps
        self._agent_steps = 0
        self._finished: list[Episode] = []
        self._frames = np.zeros((num_envs, *FRAME_SHAPE), np.uint8)
        self._returns = np.zeros(num_envs)
        self._lengths = np.zeros(num_envs, np.int64)
        self._seedings = np.full(num_envs, -1, np.int64)  # how often each emulator was seeded, less one
        self._actions = [bytearray() for _ in range(num_envs)]  # since each emulator's last seeding

    @abc.abstractmethod
    def _restart(self, which: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        """Starts episodes.

        Args:
          which: bool[N], in which environments.
          seeds: int[N], each emulator's new seed, or -1 to leave its random generator alone.

        Returns:
          uint8[N, 84, 84], a new array: first frames there, the current ones elsewhere.
        """

    @abc.abstractmethod
    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Makes one agent step; returns new arrays: frames uint8, rewards float32, terminals bool."""

    def reset(self) -> np.ndarray:
        """See ``Environment.reset``; every emulator is seeded anew."""
        everywhere = np.ones(self.num_envs, bool)
        self._seedings += 1
        self._start(everywhere, everywhere)
        return self._frames

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """See ``Environment.step``.

        Raises:
          ValueError: an action outside [0, num_actions), or not N of them.
          RuntimeError: no episode was started; call ``reset`` or ``load`` first.
        """
        self._record(actions)
        self._agent_steps += self.num_envs
        self._frames, rewards, terminals = self._advance(actions)
        self._returns += rewards
        self._lengths += 1
        truncations = (self._lengths >= self._max_episode_steps) & ~terminals
        ended = terminals | truncations
        if ended.any():
            self._finish(ended)
        return self._frames, rewards, terminals, truncations

    def finished(self) -> list[Episode]:
        """See ``Environment.finished``."""
        episodes, self._finished = self._finished, []
        return episodes

    def _record(self, actions: np.ndarray) -> None:
        if self._seedings[0] < 0:
            raise RuntimeError("no episode has been started: call reset() or load() first")
        if len(actions) != self.num_envs:
            raise ValueError(f"{len(actions)} actions for {self.num_envs} environments")
        for recorded, action in zip(self._actions, actions.tolist(), strict=True):
            if not 0 <= action < self.num_actions:
                raise ValueError(f"action {action} is not in [0, {self.num_actions})")
            recorded.append(action)

    def _finish(self, ended: np.ndarray) -> None:
        """Reports the episodes that ended and starts the next ones."""
        for env in np.flatnonzero(ended).tolist():
            self._finished.append(
                Episode(env, float(self._returns[env]), int(self._lengths[env]), self._agent_steps)
            )
        due = ended & (np.array([len(recorded) for recorded in self._actions]) >= RESEED_EVERY)
        self._seedings += due
        self._start(ended, due)

    def _start(self, which: np.ndarray, seeded: np.ndarray) -> None:
        """Starts episodes in ``which``, in newly seeded emulators where ``seeded``."""
        seeds = np.full(self.num_envs, -1, np.int64)
        for env in np.flatnonzero(seeded).tolist():
            seeds[env] = emulator_seed(self._seed, env, int(self._seedings[env]))
            self._actions[env].clear()
        self._returns[which] = 0.0
        self._lengths[which] = 0
        self._frames = self._restart(which, seeds)

    def save(self, directory: Path, previous: Path | None) -> None:
        """Writes seeds, counters and the actions since the last seeding; takes milliseconds.

        Args:
          directory: an existing, empty folder.
          previous: not used: there is nothing large to share.
        """
        del previous
        state = {
            "game": self.game,
            "ale_py": ale_py.__version__,
            "seed": self._seed,
            "seedings": self._seedings.tolist(),
            "recorded": [len(recorded) for recorded in self._actions],
            "agent_steps": self._agent_steps,
            "finished": [vars(episode) for episode in self._finished],
            "frames_sha256": _digest(self._frames),
        }
        (directory / _STATE).write_text(json.dumps(state, indent=1))
        (directory / _ACTIONS).write_bytes(b"".join(self._actions))

    def load(self, directory: Path) -> None:
        """Seeds the emulators as they were last seeded, and plays the recorded actions again.

        That takes as long as the environments took to play them: seconds, as a rule. The worst case is
        RESEED_EVERY agent steps of each, and then the longest possible episode.

        Raises:
          UserError: the state is of another game or number of environments, or playing it again led
            elsewhere, as it may under another version of ale-py.
        """
        state = json.loads((directory / _STATE).read_text())
        if (state["game"], len(state["recorded"])) != (self.game, self.num_envs):
            raise UserError(
                f"{directory} holds {len(state['recorded'])} x {state['game']}, not {self.num_envs} x "
                f"{self.game}; load it with the configuration that it was saved with"
            )
        self._seed = state["seed"]
        recorded = _split((directory / _ACTIONS).read_bytes(), state["recorded"])
        if state["seedings"][0] >= 0:  # else nothing had been started
            self._replay(np.array(state["seedings"]), recorded)
        self._agent_steps = state["agent_steps"]
        self._finished = [Episode(**episode) for episode in state["finished"]]
        if _digest(self._frames) != state["frames_sha256"]:
            raise UserError(
                f"{directory}: playing {self.game} again led to another state; it was saved by ale-py "
                f"{state['ale_py']}, this is {ale_py.__version__}: install the former, or start a new run"
            )

    def _replay(self, seedings: np.ndarray, recorded: list[bytes]) -> None:
        """Plays ``recorded`` (one byte per action, for each environment) from its seeding on.

        The environments step together, so shorter recordings begin later and all end at once; until
        then those environments idle, and are then seeded and forget it.
        """
        longest = max(len(actions) for actions in recorded)
        begins = np.array([longest - len(actions) for actions in recorded])
        for now in range(longest + 1):
            begin = begins == now
            if begin.any():
                self._seedings = seedings.copy()
                # The first time everything has to start, though only some are seeded.
                self._start(begin if now else np.ones_like(begin), begin)
            if now < longest:
                actions = [
                    actions[now - start] if now >= start else 0
                    for actions, start in zip(recorded, begins, strict=True)
                ]
                self.step(np.array(actions, np.int32))


def emulator_seed(seed: int, env: int, seeding: int) -> int:
    """Returns the emulator seed, in [0, 2^31), of the ``seeding``-th start of environment ``env``."""
    return int(np.random.SeedSequence((seed, env, seeding)).generate_state(1)[0]) >> 1


def _digest(frames: np.ndarray) -> str:
    return hashlib.sha256(frames.tobytes()).hexdigest()


def _split(joined: bytes, lengths: list[int]) -> list[bytes]:
    ends = np.cumsum(lengths).tolist()
    return [joined[end - length : end] for end, length in zip(ends, lengths, strict=True)]
