"""Episodes and exact resumption: what every environment has in common."""

from __future__ import annotations

import abc
import hashlib
import json
from pathlib import Path

import numpy as np

from tf_pruned_rl.environments.base import Episode
from tf_pruned_rl.errors import UserError

RESEED_EVERY = 10_000
"""Agent steps of one Atari environment after which its next episode starts in a newly seeded emulator.

It bounds what a load has to replay (this, and one episode); more often costs speed, since loading
a game takes the emulator as long as playing a few hundred steps.
"""

MAX_MAGNITUDE = 1e9
"""Largest reward or observed number that is taken for real, either way."""

_STATE, _ACTIONS = "environment.json", "actions.bin"


class ResumableEnvironment(abc.ABC):
    """An environment whose state is a seed and the actions since.

    Snapshots are not exact. The Atari emulator's own take Q*bert and Tetris elsewhere (ale-py up to
    0.12.1), none holds the sticky action, and the vector environment has none. MuJoCo's integration
    state lacks the body positions of the step before, from which Ant's and Humanoid's rewards are
    made; other simulators offer nothing. But all are deterministic given their seed, so playing the
    same actions again, from the last seeding on, leads to the same state everywhere.

    Subclasses say how to play (``_restart``, ``_advance``), what an action is (``_pack``, ``_unpack``)
    and how often an environment is seeded anew (``_reseed_after``).
    """

    def __init__(self, game: str, *, num_envs: int, seed: int, frames: np.ndarray, software: dict[str, str]):
        """Starts nothing yet.

        Args:
          game: canonical name of what is played.
          num_envs: copies side by side, N.
          seed: of everything random, non-negative.
          frames: [N, ...], stands for what is seen before the first episode.
          software: {package: version} of what simulates the game.
        """
        self.game = game
        self.num_envs = num_envs
        self._seed = seed
        self._software = software
        self._agent_steps = 0
        self._finished: list[Episode] = []
        self.failure: UserError | None = None
        self._frames = frames
        self._returns = np.zeros(num_envs)
        self._lengths = np.zeros(num_envs, np.int64)
        self._seedings = np.full(num_envs, -1, np.int64)  # how often each was seeded, less one
        self._actions = [bytearray() for _ in range(num_envs)]  # since each one's last seeding
        self._recorded = np.zeros(num_envs, np.int64)  # how many those are

    @abc.abstractmethod
    def _restart(self, which: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        """Starts episodes.

        Args:
          which: bool[N], in which environments.
          seeds: int[N], each one's new seed, or -1 to leave its random generator alone.

        Returns:
          [N, ...], a new array: first frames there, the current ones elsewhere.
        """

    @abc.abstractmethod
    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Makes one agent step; returns new arrays: frames, rewards float32, terminals, truncations bool.

        Where an episode ends the frame is its last one. None is both terminal and truncated.
        """

    def _ended(self, terminals: np.ndarray, truncations: np.ndarray) -> np.ndarray:
        """Returns bool[N], where the step just made ends an episode: as a rule where it is either."""
        return terminals | truncations

    @abc.abstractmethod
    def _pack(self, actions: np.ndarray) -> list[bytes]:
        """Returns N actions, all of the same length; raises ValueError where one is not possible."""

    @abc.abstractmethod
    def _unpack(self, packed: bytes) -> np.ndarray:
        """Returns the actions [n, ...] of which ``_pack`` made these bytes; none of them is no bytes."""

    @abc.abstractmethod
    def _idle(self) -> np.ndarray:
        """Returns some possible action."""

    @abc.abstractmethod
    def _reseed_after(self) -> int:
        """Returns the agent steps of one environment after which its next episode is seeded anew."""

    def reset(self) -> np.ndarray:
        """See ``Environment.reset``; every environment is seeded anew."""
        everywhere = np.ones(self.num_envs, bool)
        self._seedings += 1
        self._start(everywhere, everywhere)
        return self._frames

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """See ``Environment.step``.

        Raises:
          ValueError: an action that is not possible, or not N of them.
          RuntimeError: no episode was started; call ``reset`` or ``load`` first.
          UserError: a reward or an observation is not finite, or larger than ``MAX_MAGNITUDE``. It stays
            in ``failure``, for callers that TensorFlow stands between.
        """
        self._record(actions)
        self._agent_steps += self.num_envs
        self._lengths += 1
        try:
            return self._step(actions)
        except UserError as error:
            self.failure = error
            raise

    def _step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        self._frames, rewards, terminals, truncations = self._advance(actions)
        self._check("reward", rewards)
        self._check("observation", self._frames)
        self._returns += rewards
        ended = self._ended(terminals, truncations)
        if ended.any():
            self._finish(ended)
        return self._frames, rewards, terminals, truncations

    def _check(self, name: str, values: np.ndarray) -> None:
        """Refuses numbers that no game can mean, before anybody learns from them."""
        if values.dtype == np.uint8:
            return
        sizes = np.abs(values.reshape(self.num_envs, -1))
        wrong = ~(sizes <= MAX_MAGNITUDE)  # NaN is not smaller than anything
        if wrong.any():
            env, place = np.argwhere(wrong)[0]
            value = values.reshape(self.num_envs, -1)[env, place]
            raise UserError(
                f"environment {env} of {self.game} gave the {name} {value} at agent step "
                f"{self._agent_steps:,}: numbers must be finite and at most {MAX_MAGNITUDE:g}; mend the "
                "environment, then give the same command to go on from the last checkpoint"
            )

    def picture(self) -> np.ndarray:
        """Returns a picture of the first environment, where a subclass has one; see ``Environment``."""
        raise UserError(f"there are no pictures of {self.game} as it is played here; leave --video out")

    def finished(self) -> list[Episode]:
        """See ``Environment.finished``."""
        episodes, self._finished = self._finished, []
        return episodes

    def _record(self, actions: np.ndarray) -> None:
        if self._seedings[0] < 0:
            raise RuntimeError("no episode has been started: call reset() or load() first")
        if len(actions) != self.num_envs:
            raise ValueError(f"{len(actions)} actions for {self.num_envs} environments")
        for recorded, action in zip(self._actions, self._pack(actions), strict=True):
            recorded += action
        self._recorded += 1

    def _finish(self, ended: np.ndarray) -> None:
        """Reports the episodes that ended and starts the next ones."""
        for env in np.flatnonzero(ended).tolist():
            self._finished.append(
                Episode(env, float(self._returns[env]), int(self._lengths[env]), self._agent_steps)
            )
        due = ended & (self._recorded >= self._reseed_after())
        self._seedings += due
        self._start(ended, due)

    def _start(self, which: np.ndarray, seeded: np.ndarray) -> None:
        """Starts episodes in ``which``, newly seeded where ``seeded``."""
        seeds = np.full(self.num_envs, -1, np.int64)
        for env in np.flatnonzero(seeded).tolist():
            seeds[env] = emulator_seed(self._seed, env, int(self._seedings[env]))
            self._actions[env].clear()
            self._recorded[env] = 0
        self._returns[which] = 0.0
        self._lengths[which] = 0
        self._frames = self._restart(which, seeds)
        self._check("observation", self._frames)

    def save(self, directory: Path, previous: Path | None) -> None:
        """Writes seeds, counters and the actions since the last seeding; takes milliseconds.

        Args:
          directory: an existing, empty folder.
          previous: not used: there is nothing large to share.
        """
        del previous
        state = {
            "game": self.game,
            **self._software,
            "seed": self._seed,
            "seedings": self._seedings.tolist(),
            "recorded": self._recorded.tolist(),
            "agent_steps": self._agent_steps,
            "finished": [vars(episode) for episode in self._finished],
            "frames_sha256": _digest(self._frames),
        }
        (directory / _STATE).write_text(json.dumps(state, indent=1))
        (directory / _ACTIONS).write_bytes(b"".join(self._actions))

    def load(self, directory: Path) -> None:
        """Seeds the environments as they were last seeded, and plays the recorded actions again.

        That takes as long as it took to play them: seconds, as a rule. The worst case is
        ``_reseed_after`` agent steps of each, and then the longest possible episode.

        Raises:
          UserError: the state is of another game or number of environments, or playing it again led
            elsewhere, as it may under other versions of what simulates the game.
        """
        state = json.loads((directory / _STATE).read_text())
        if (state["game"], len(state["recorded"])) != (self.game, self.num_envs):
            raise UserError(
                f"{directory} holds {len(state['recorded'])} x {state['game']}, not {self.num_envs} x "
                f"{self.game}; load it with the configuration that it was saved with"
            )
        self._seed = state["seed"]
        recorded = self._split((directory / _ACTIONS).read_bytes(), state["recorded"])
        if state["seedings"][0] >= 0:  # else nothing had been started
            self._replay(np.array(state["seedings"]), recorded)
        self._agent_steps = state["agent_steps"]
        self._finished = [Episode(**episode) for episode in state["finished"]]
        if _digest(self._frames) != state["frames_sha256"]:
            then, now = (", ".join(f"{n} {v[n]}" for n in self._software) for v in (state, self._software))
            raise UserError(
                f"{directory}: playing {self.game} again led to another state; it was saved by {then}, this "
                f"is {now}: install the former, or start a new run"
            )

    def _split(self, joined: bytes, counts: list[int]) -> list[np.ndarray]:
        """Returns each environment's actions, [count, ...]."""
        action_bytes = len(joined) // max(sum(counts), 1)
        ends = (np.cumsum(counts) * action_bytes).tolist()
        return [
            self._unpack(joined[end - count * action_bytes : end])
            for end, count in zip(ends, counts, strict=True)
        ]

    def _replay(self, seedings: np.ndarray, recorded: list[np.ndarray]) -> None:
        """Plays ``recorded`` (each environment's actions) from its seeding on.

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
                self.step(
                    np.stack(
                        [
                            actions[now - start] if now >= start else self._idle()
                            for actions, start in zip(recorded, begins, strict=True)
                        ]
                    )
                )


def emulator_seed(seed: int, env: int, seeding: int) -> int:
    """Returns the seed, in [0, 2^31), of the ``seeding``-th start of environment ``env``."""
    return int(np.random.SeedSequence((seed, env, seeding)).generate_state(1)[0]) >> 1


def _digest(frames: np.ndarray) -> str:
    return hashlib.sha256(frames.tobytes()).hexdigest()
