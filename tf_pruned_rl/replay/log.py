"""Writes what a run learns from in the files of the DQN Replay Dataset, so that others can learn from it."""

from __future__ import annotations

import functools
import gzip
import json
import os
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tf_pruned_rl import durable
from tf_pruned_rl.config import Config, ExperimentConfig
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.environments import Environment, Episode
from tf_pruned_rl.environments.base import FRAME_SHAPE
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.replay import layout

_LEVEL = 1
"""Of compression: the frames are mostly flat, and higher levels only cost time."""
_ZERO_ROWS = 4_096
"""Entries that are zeroed at a time."""
_STATE, _FRAMES = "replay_log.json", "replay_log.npz"


class Entry(NamedTuple):
    """What is stored of an agent step."""

    observation: np.ndarray
    """uint8 [84, 84], the newest frame of what was acted on."""
    action: int
    reward: float
    """Clipped."""
    terminal: bool


_EMPTY = Entry(np.zeros(FRAME_SHAPE, np.uint8), 0, 0.0, False)


class NoLog:
    """Writes nothing."""

    def attach(self, environment: Environment) -> Environment:
        """Returns ``environment``."""
        return environment

    def finish(self) -> None:
        """Does nothing."""


class ReplayLog:
    """The logs of one run, written as it goes.

    A buffer in progress lies in a folder ``unfinished``, a gzip file per array; what a checkpoint
    counts is made whole gzip members, so a resumed run cuts the files there and goes on. Nothing of
    the buffer is kept in memory but the entry that Dopamine's dumps are late by: buffer N ends before
    its last entry is written, which is then found at the end of buffer N + 1.
    """

    def __init__(self, directory: Path, *, capacity: int, n_step: int, owner: str):
        """Writes nothing yet: see ``start`` and ``load``.

        Args:
          directory: of the run on its game; the logs go to ``replay_logs`` in it.
          capacity: entries of a buffer.
          n_step: agent steps of the transitions, for ``invalid_range``.
          owner: tells this run from others.
        """
        self._logs, self._unfinished = directory / "replay_logs", directory / "unfinished"
        self._owner_file = directory / "log.json"
        self._capacity, self._n_step, self._owner = capacity, n_step, owner
        self._lock = -1
        self._number, self._slot = 0, 0  # the buffer in progress, and where its next entry goes
        self._late = _EMPTY
        self._between_episodes = True
        self._ends: list[int] = []
        self._files: dict[str, _GzipFile] = {}
        self._failure: OSError | None = None

    def attach(self, environment: Environment) -> LoggedEnvironment:
        """Returns the environment, every step of which goes into the log."""
        return LoggedEnvironment(environment, self)

    def start(self) -> None:
        """Begins a log, over what the same run has left if it began before.

        Raises:
          UserError: the directory cannot be written, or holds the log of another run.
        """
        self._take()
        self._forget(-1)
        self._open()

    def add(self, entry: Entry, *, truncated: bool) -> None:
        """Appends an agent step, after three empty entries where an episode begins.

        A file that cannot be written is told of by ``check``: here is inside TensorFlow.
        """
        if self._failure is not None:
            return
        try:
            for _ in range(layout.PADDING * self._between_episodes):
                self._put(_EMPTY)
            self._between_episodes = entry.terminal or truncated
            self._put(entry, ends=self._between_episodes)
        except OSError as error:
            self._failure = error

    def check(self) -> None:
        """Raises UserError if something could not be written."""
        if self._failure is not None:
            raise UserError(
                f"the log in {self._logs} cannot be written ({self._failure.strerror}): make room and give "
                "the same command again, which goes on from the last checkpoint"
            ) from self._failure

    def finish(self) -> None:
        """Publishes the buffer in progress: the rest is zeros, and its count is that of its own entries."""
        self.check()
        if not self._files or not self._slot:
            return
        for name, file in self._files.items():
            file.zeros(_row_bytes(name), self._capacity - self._slot)
        self._publish(self._slot)

    def save(self, directory: Path) -> None:
        """Makes everything so far durable, and writes to ``directory`` how much that is."""
        self.check()
        state = {
            "number": self._number,
            "slot": self._slot,
            "between_episodes": self._between_episodes,
            "ends": self._ends,
            "late": [int(self._late.action), float(self._late.reward), bool(self._late.terminal)],
            "bytes": {name: file.rest() for name, file in self._files.items()},
        }
        (directory / _STATE).write_text(json.dumps(state))
        np.savez_compressed(directory / _FRAMES, late=self._late.observation)

    def load(self, directory: Path) -> None:
        """Goes back to what ``save`` wrote: whatever was logged after it is cut off.

        Raises:
          UserError: the log is another run's, or is no longer there.
        """
        state = json.loads((directory / _STATE).read_text())
        with np.load(directory / _FRAMES, allow_pickle=False) as arrays:
            self._late = Entry(arrays["late"], *state["late"])
        self._number, self._slot, self._ends = state["number"], state["slot"], state["ends"]
        self._between_episodes = state["between_episodes"]
        self._take()
        self._forget(self._number)
        if not state["bytes"] and not (self._logs / layout.file_name(layout.COUNT, self._number)).exists():
            raise UserError(
                f"{self._logs} lacks buffer {self._number}, which the checkpoint counts: put it back, or "
                "start over with another --run_dir and --log_replay"
            )
        self._open(state["bytes"])

    def release(self) -> None:
        """Lets others have the directory; the end of the process does so too."""
        for file in self._files.values():
            file.close()
        os.close(self._lock)

    def _take(self) -> None:
        """Makes the directory this run's."""
        try:
            self._unfinished.mkdir(parents=True, exist_ok=True)
            self._logs.mkdir(exist_ok=True)
            lock = durable.lock(self._unfinished)
            if lock is None:
                raise UserError(f"{self._logs} is being written by another run: give another --log_replay")
            self._lock = lock
            if not self._owner_file.exists() and not any(self._logs.iterdir()):
                durable.write(self._owner_file, self._owner)
            owner = self._owner_file.read_text() if self._owner_file.exists() else ""
        except OSError as error:
            raise UserError(
                f"{self._logs} cannot be written ({error.strerror}): give another --log_replay"
            ) from error
        if owner != self._owner:
            raise UserError(
                f"{self._logs} holds the log of another run: give another --log_replay, or remove it"
            )

    def _forget(self, number: int) -> None:
        """Removes every buffer after ``number`` and, if that is unfinished, what tells that it is whole."""
        for path in self._logs.glob("*_ckpt.*.gz"):
            name, buffer = path.name.split(".")[:2]
            unfinished = buffer == str(number) and self._slot < self._capacity - 1
            if int(buffer) > number or (unfinished and not name.startswith("$store$")):
                path.unlink()

    def _open(self, lengths: dict[str, int] | None = None) -> None:
        """Starts the files of a buffer, or cuts them to ``lengths`` and goes on with them."""
        lengths = lengths or dict.fromkeys(layout.ARRAYS, 0) if self._slot < self._capacity - 1 else {}
        self._files = {name: _GzipFile(self._unfinished / f"{name}.gz") for name in lengths}
        for name, length in lengths.items():
            published = self._logs / layout.file_name(layout.element(name), self._number)
            if length and published.exists():
                os.replace(published, self._files[name].path)
            self._files[name].open(length)
            if not length:
                dtype, shape = layout.ARRAYS[name]
                self._files[name].header(dtype, (self._capacity, *shape))

    def _put(self, entry: Entry, *, ends: bool = False) -> None:
        if self._slot == self._capacity - 1:  # the buffer that it ends is already written
            self._ends = [self._slot] * ends
            self._late, self._slot, self._number = entry, 0, self._number + 1
            self._open()
            return
        self._ends += [self._slot] * ends
        self._write(entry)
        self._slot += 1
        if self._slot == self._capacity - 1:
            self._write(self._late)
            self._publish((self._number + 1) * self._capacity - 1)

    def _write(self, entry: Entry) -> None:
        for (name, (dtype, _)), value in zip(layout.ARRAYS.items(), entry, strict=True):
            self._files[name].write(np.asarray(value, dtype).tobytes())

    def _publish(self, count: int) -> None:
        """Moves the buffer in progress to the logs, what others count files by coming last."""
        for name, file in self._files.items():
            file.rest()
            file.close()
            os.replace(file.path, self._logs / layout.file_name(layout.element(name), self._number))
        self._files = {}
        with self._gzip(layout.ENDS) as file:
            pickle.dump(set(self._ends), file)
        with self._gzip(layout.INVALID) as file:
            np.save(file, layout.invalid_range(self._slot, self._capacity, self._n_step))
        with self._gzip(layout.COUNT) as file:
            np.save(file, np.array(count))

    def _gzip(self, name: str) -> Any:
        path = self._logs / layout.file_name(name, self._number)
        return gzip.GzipFile(path, "wb", compresslevel=_LEVEL, mtime=0)


def _row_bytes(name: str) -> int:
    dtype, shape = layout.ARRAYS[name]
    return int(np.dtype(dtype).itemsize * np.prod(shape, dtype=int))


class _GzipFile:
    """A growing gzip file of several members, which whoever reads it takes for one.

    Attributes:
      path: of the file.
    """

    def __init__(self, path: Path):
        self.path = path
        self._file: Any = None
        self._member: gzip.GzipFile | None = None

    def open(self, length: int) -> None:
        """Opens the file and drops all but ``length`` bytes, which must be whole members.

        Raises:
          UserError: it is not that long.
        """
        self._growing = durable.GrowingFile(self.path)
        self._growing.cut(length)
        self._file = self._growing.file

    def header(self, dtype: type[np.generic], shape: tuple[int, ...]) -> None:
        """Writes what stands before the entries in numpy's format."""
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False}
        np.lib.format.write_array_header_1_0(self._open_member(), header | {"shape": shape})

    def write(self, data: bytes) -> None:
        """Appends."""
        self._open_member().write(data)

    def zeros(self, row_bytes: int, rows: int) -> None:
        """Appends rows of zeros: one compressed block, over and over."""
        self._close_member()
        for count in (_ZERO_ROWS, 1):
            block = gzip.compress(bytes(count * row_bytes), _LEVEL, mtime=0)
            for _ in range(rows // count):
                self._file.write(block)
            rows %= count

    def rest(self) -> int:
        """Makes what is written whole members on the disk; returns their length in bytes."""
        self._close_member()
        return self._growing.position()

    def close(self) -> None:
        """Closes the file."""
        self._growing.close()

    def _open_member(self) -> gzip.GzipFile:
        if self._member is None:
            self._member = gzip.GzipFile(fileobj=self._file, mode="wb", compresslevel=_LEVEL, mtime=0)
        return self._member

    def _close_member(self) -> None:
        if self._member is not None:
            self._member.close()
        self._member = None


class LoggedEnvironment:
    """One game, every step of which is written down; see ``Environment``."""

    def __init__(self, environment: Environment, log: ReplayLog):
        self._environment, self._log = environment, log
        self.num_envs, self.spec = environment.num_envs, environment.spec
        self.action_meanings, self.game = environment.action_meanings, environment.game
        self.screen, self.frame_shape = environment.screen, environment.frame_shape
        self._frames = np.zeros((1, *self.frame_shape), np.uint8)

    @property
    def failure(self) -> UserError | None:
        """See ``Environment``."""
        return self._environment.failure

    def reset(self) -> np.ndarray:
        """See ``Environment.reset``; the log begins."""
        self._log.start()
        self._frames = self._environment.reset()
        return self._frames

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """See ``Environment.step``."""
        frames, rewards, terminals, truncations = self._environment.step(actions)
        reward = float(np.clip(rewards[0], -1.0, 1.0))
        entry = Entry(self._frames[0], int(actions[0]), reward, bool(terminals[0]))
        self._log.add(entry, truncated=bool(truncations[0]))
        self._frames = frames
        return frames, rewards, terminals, truncations

    def finished(self) -> list[Episode]:
        """See ``Environment.finished``.

        Raises:
          UserError: the log could not be written.
        """
        self._log.check()
        return self._environment.finished()

    def save(self, directory: Path, previous: Path | None) -> None:
        """See ``Environment.save``."""
        self._environment.save(directory, previous)
        np.save(directory / "frames.npy", self._frames)
        self._log.save(directory)

    def load(self, directory: Path) -> None:
        """See ``Environment.load``."""
        self._environment.load(directory)
        self._frames = np.load(directory / "frames.npy", allow_pickle=False)
        self._log.load(directory)


@functools.singledispatch
def create(config: Config) -> ReplayLog | NoLog:
    """Returns the log of a run (``--log_replay``), or the object that writes nothing."""
    del config
    return NoLog()


@create.register
def _(config: ExperimentConfig) -> ReplayLog | NoLog:
    if not config.replay.log_replay:
        return NoLog()
    run_dir = config.run.run_dir or config_io.default_run_dir(config)
    owner = {"run_dir": run_dir, "config": config_io.config_hash(config)}
    run = config.run.seed + 1  # the published data have runs 1 to 5
    return ReplayLog(
        Path(layout.run_directory(config.replay.log_replay, config.environment.game, run)),
        capacity=config.replay.log_capacity,
        n_step=config.learning.n_step,
        owner=json.dumps(owner),
    )
