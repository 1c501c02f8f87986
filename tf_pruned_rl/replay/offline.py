"""The replay of an offline run: the online one, filled from fixed data."""

from __future__ import annotations

import itertools
import json
import queue
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tf_pruned_rl.environments.base import STACK
from tf_pruned_rl.replay import dataset, layout
from tf_pruned_rl.replay.buffer import FrameReplay
from tf_pruned_rl.replay.dataset import Sample, Stretch
from tf_pruned_rl.replay.frames import RECORD_COLUMNS, TERMINAL, TRUNCATION
from tf_pruned_rl.seeding import Purpose, numpy_generator

PIECE = 4_096
"""Entries read and taken in at a time: 29 MB of frames."""
_AHEAD = 3
"""Pieces that wait to be taken in."""
_STATE = "data.json"
_SMALL = ("action", "reward", "terminal")


class Place(NamedTuple):
    """A piece of the sample, and where it goes."""

    stretch: Stretch
    offset: int
    """Of its first entry in the stretch."""
    entries: int
    step: int
    """Entries taken in before it."""


class Piece(NamedTuple):
    """A piece, read."""

    place: Place
    frames: np.ndarray
    """uint8 [n, pixels]."""
    records: np.ndarray
    """float32 [n, RECORD_COLUMNS]: action, reward, end, age."""


class Order:
    """The order in which the pieces of a sample are taken in, again and again, by a seed.

    A stretch is read through, since its files can only be read from their beginning; the stretches are
    shuffled anew each time round.

    Attributes:
      piece: most entries of a piece.
      count: pieces in a round.
    """

    def __init__(self, sample: Sample, piece: int, seed: int):
        self._sample, self.piece, self._seed = sample, piece, seed
        self.count = sum(-(-stretch.entries // piece) for stretch in sample.stretches)
        self._rounds: dict[int, list[Place]] = {}

    def __getitem__(self, index: int) -> Place:
        """Returns the ``index``-th piece to be taken in, counted from 0."""
        number, place = divmod(index, self.count)
        if number not in self._rounds:
            self._rounds = {number: self._round(number)}
        return self._rounds[number][place]

    def _round(self, number: int) -> list[Place]:
        generator = numpy_generator(self._seed, Purpose.DATA_ORDER, number)
        places, step = [], number * self._sample.entries
        for index in generator.permutation(len(self._sample.stretches)):
            stretch = self._sample.stretches[index]
            for offset in range(0, stretch.entries, self.piece):
                entries = min(self.piece, stretch.entries - offset)
                places.append(Place(stretch, offset, entries, step))
                step += entries
        return places


class OfflineReplay(FrameReplay):
    """A FrameReplay that holds a sample of fixed data, whole or, if that is too large, part by part.

    Entries keep the order that they have in the data, and what cannot be sampled is marked as a
    truncation is online: the empty entries before episodes (three after every terminal; elsewhere three
    or more in a row), the three entries at the start of a stretch, whose stacks are not whole, and the
    last one. So stacks and windows are those of Dopamine's loader.

    A thread reads ahead. When something is taken in depends on the count of gradient steps alone.

    Attributes:
      sample_of_data: what it holds, or parts of it.
      waited_seconds: time that taking in has waited for the thread.
    """

    def __init__(
        self,
        sample: Sample,
        capacity: int,
        *,
        batch_size: int = 32,
        n_step: int = 1,
        gamma: float = 0.99,
        reload_every: int = 62_500,
        seed: int = 0,
    ):
        """Makes an empty replay; ``refill`` fills it.

        Args:
          sample: the data.
          capacity: most entries in memory.
          batch_size: transitions per sample.
          n_step: rewards summed before bootstrapping.
          gamma: discount per agent step.
          reload_every: steps in which everything is replaced once, if the sample is larger than memory.
          seed: of the draws and of the order.
        """
        length = min(capacity, sample.entries)
        super().__init__(length, batch_size=batch_size, n_step=n_step, gamma=gamma, seed=seed)
        self.sample_of_data = sample
        piece = min(PIECE, max(layout.PADDING, length // 4))
        self._order = Order(sample, piece, seed)
        self._first = next(i for i in itertools.count(1) if self._order[i].step >= length)
        rotates = sample.entries > length
        turnover = -(-length // piece)
        self.refill_every = max(1, reload_every // turnover) if rotates else 0
        self._pieces_per_refill = -(-turnover * self.refill_every // reload_every)
        self._end = sys.maxsize if rotates else self._order.count
        self._taken = 0
        self._reader: Reader | None = None
        self.waited_seconds = 0.0

    def refill(self, step: int) -> None:
        """Takes in what is due at a step: all that fits at 0, then what ``reload_every`` asks for.

        Raises:
          UserError: the data are damaged.
        """
        due = self._first
        if self.refill_every:
            due += step // self.refill_every * self._pieces_per_refill
        while self._taken < due:
            self._take(self._taken)
            self._taken += 1

    def provenance(self) -> dict[str, object]:
        """Returns which data these are."""
        return self.sample_of_data.provenance()

    def save(self, directory: Path, previous: Path | None = None) -> None:
        """Writes the generator's state and how much was taken in: the entries are in the data."""
        del previous
        state = {"taken": self._taken, "generator": self.generator.state.numpy().tolist()}
        (directory / _STATE).write_text(json.dumps(state))

    def load(self, directory: Path) -> None:
        """Goes back to what ``save`` wrote, and reads the entries again."""
        state = json.loads((directory / _STATE).read_text())
        self.generator.state.assign(state["generator"])
        self._taken = state["taken"]
        end = self._order[self._taken].step
        first = self._taken
        while first and self._order[first].step > end - self.ring.length:
            first -= 1
        self.close()
        for index in range(first, self._taken):
            self._take(index)

    def close(self) -> None:
        """Stops reading ahead."""
        if self._reader is not None:
            self._reader.close()
        self._reader = None

    def _take(self, index: int) -> None:
        if self._reader is None:
            self._reader = Reader(read(self.sample_of_data, self._order, index, self._end))
        began = time.monotonic()
        piece = next(self._reader)
        self.waited_seconds += time.monotonic() - began
        self.ring.write_block(piece.place.step, piece.frames, piece.records)


class Reader:
    """Makes an iterator go ahead in a thread of its own."""

    def __init__(self, pieces: Iterator[Piece], ahead: int = _AHEAD):
        self._queue: queue.Queue[Piece | BaseException] = queue.Queue(ahead)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(pieces,), daemon=True, name="data")
        self._thread.start()

    def __next__(self) -> Piece:
        """Returns the next; raises what the iterator raised."""
        found = self._queue.get()
        if isinstance(found, BaseException):
            raise found
        return found

    def close(self) -> None:
        """Ends the thread."""
        self._stopped.set()
        while self._thread.is_alive():
            # It may wait for room in the queue.
            try:
                self._queue.get(timeout=0.01)
            except queue.Empty:
                continue

    def _run(self, pieces: Iterator[Piece]) -> None:
        try:
            for piece in pieces:
                self._queue.put(piece)
                if self._stopped.is_set():
                    return
            self._queue.put(StopIteration())
        except BaseException as error:  # told where the piece is missed
            self._queue.put(error)


def read(sample: Sample, order: Order, first: int, end: int) -> Iterator[Piece]:
    """Yields the pieces of an order from the ``first`` to the one before ``end``.

    Raises:
      Damaged: the data are.
    """
    index = first
    while index < end:
        place = order[index]
        pieces = read_stretch(sample.directory, place.stretch, order.piece)
        for frames, records in itertools.islice(pieces, place.offset // order.piece, end - index):
            yield Piece(order[index], frames, records)
            index += 1


def read_stretch(directory: str, stretch: Stretch, piece: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields frames, uint8 [n, pixels], and records, float32 [n, RECORD_COLUMNS], ``piece`` at a time."""
    span = slice(stretch.first, stretch.first + stretch.entries)
    arrays = {name: dataset.read_array(directory, name, stretch.number)[span] for name in _SMALL}
    zero = np.all([array == 0 for array in arrays.values()], axis=0)
    dark = np.zeros(stretch.entries, bool)
    records = np.zeros((stretch.entries, RECORD_COLUMNS), np.float32)
    records[:, 0], records[:, 1] = arrays["action"], arrays["reward"]
    records[:, 3] = STACK - 1  # the frames before an episode are there, as zeros
    done, held = 0, None
    for frames in dataset.frames(directory, stretch, piece):
        known = done + len(frames)
        dark[done:known] = ~frames.any(axis=1)
        # What an entry is may depend on the three after it, so pieces come one late.
        records[:known, 2] = ends(arrays["terminal"][:known] != 0, (zero & dark)[:known])
        if held is not None:
            yield held, records[done - len(held) : done]
        done, held = known, frames
    records[-1, 2] = TRUNCATION
    assert held is not None
    yield held, records[done - len(held) :]


def ends(terminal: np.ndarray, nothing: np.ndarray) -> np.ndarray:
    """Returns the ends of the entries of a stretch as the ring's records hold them, float32 [n].

    Args:
      terminal: bool [n].
      nothing: bool [n], entries that are zero in everything. Of empty entries at the very end of a
        stretch the rest may lie beyond it, so one or two of them count as three.
    """
    padding = np.zeros(len(terminal), bool)
    for after in range(1, layout.PADDING + 1):
        padding[after:] |= terminal[:-after]
    blank = nothing & ~padding
    # Without a terminal before them: the episode was cut at the limit on its length.
    beyond = np.append(blank, np.ones(layout.PADDING - 1, bool))
    start = np.all([beyond[i : len(blank) + i] for i in range(layout.PADDING)], axis=0)
    for i in range(layout.PADDING):
        padding[i:] |= start[: len(start) - i]
    cut = padding.copy()
    cut[:-1] |= padding[1:] & ~padding[:-1] & ~terminal[:-1]
    cut[: STACK - 1] = True
    return np.where(cut, TRUNCATION, np.where(terminal, TERMINAL, 0)).astype(np.float32)
