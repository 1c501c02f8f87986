"""A ring's large variable as files that never change, so that the next checkpoint can link to them."""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import tensorflow as tf

SEGMENT_FRAMES = 8_192
"""Entries per file, over all streams: about 58 MB of frames before compression."""
_CHUNK_FRAMES = 256
"""Entries read or written at a time: bounds the memory that saving takes."""


class Ring(Protocol):
    """What is saved here: a FrameRing or TransitionRing."""

    length: int
    num_envs: int
    written: tf.Variable

    @property
    def storage(self) -> tf.Variable:
        """[rows, columns], of any type."""

    def rows(self, steps: tf.Tensor, streams: tf.Tensor) -> tf.Tensor:
        """Returns the rows of entries."""


def _row_bytes(ring: Ring) -> int:
    return ring.storage.dtype.size * ring.storage.shape[1]


def save(ring: Ring, directory: Path, previous: Path | None) -> None:
    """Writes the living frames to `directory`, one file per segment of the run's history.

    A segment's bounds are fixed multiples of its length, counted from the run's start, so a segment
    once full is the same in every later checkpoint: it is linked (or copied, where the file system
    has no links) from `previous`. It may hold older frames than the ring still does.
    """
    written = int(ring.written.numpy())
    for first, end in _spans(ring, written):
        complete = end % _segment_length(ring) == 0
        old = _covering(previous, first, end) if complete and previous is not None else None
        if old is not None:
            _link(old, directory / old.name)
        else:
            _write(ring, directory / _name(first, end), first, end)


def load(ring: Ring, directory: Path) -> None:
    """Fills the ring's frames from `directory`; `ring.written` must be restored before.

    Raises:
      ValueError: a file is missing or damaged.
    """
    written = int(ring.written.numpy())
    for first, end in _spans(ring, written):
        path = _covering(directory, first, end)
        if path is None:
            raise ValueError(f"{directory}: frames {first} to {end} are missing")
        _read(ring, path, first, end)


def _segment_length(ring: Ring) -> int:
    """Entries of each stream in a segment."""
    return max(SEGMENT_FRAMES // ring.num_envs, 1)


def _spans(ring: Ring, written: int) -> Iterator[tuple[int, int]]:
    """Yields the steps [first, end) of every segment that the ring still holds a part of."""
    length = _segment_length(ring)
    first = max(written - ring.length, 0)
    while first < written:
        end = min((first // length + 1) * length, written)
        yield first, end
        first = end


def _name(first: int, end: int) -> str:
    return f"frames-{first:012d}-{end:012d}.zlib"


def _bounds(path: Path) -> tuple[int, int]:
    _, first, end = path.stem.split("-")
    return int(first), int(end)


def _covering(directory: Path, first: int, end: int) -> Path | None:
    """Returns the file that ends at `end` and starts at `first` or before."""
    for path in sorted(directory.glob(f"frames-*-{end:012d}.zlib")):
        if _bounds(path)[0] <= first:
            return path
    return None


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _chunks(ring: Ring, first: int, end: int) -> Iterator[tf.Tensor]:
    """Yields the rows of steps [first, end), a few at a time, step by step and stream by stream."""
    stride = max(_CHUNK_FRAMES // ring.num_envs, 1)
    streams = tf.range(ring.num_envs, dtype=tf.int64)
    for start in range(first, end, stride):
        steps = tf.range(start, min(start + stride, end), dtype=tf.int64)
        yield tf.reshape(ring.rows(steps[:, None], streams), [-1])


def _write(ring: Ring, path: Path, first: int, end: int) -> None:
    # Level 1: the frames are mostly flat, and higher levels only cost time.
    packer = zlib.compressobj(level=1)
    with path.open("wb") as file:
        for rows in _chunks(ring, first, end):
            file.write(packer.compress(ring.storage.sparse_read(rows).numpy().data))
        file.write(packer.flush())


def _read(ring: Ring, path: Path, first: int, end: int) -> None:
    with path.open("rb") as file:
        stream = _Inflater(file, path)
        stream.skip((first - _bounds(path)[0]) * ring.num_envs * _row_bytes(ring))
        for rows in _chunks(ring, first, end):
            count = int(rows.shape[0])
            values = tf.io.decode_raw(stream.take(count * _row_bytes(ring)), ring.storage.dtype)
            ring.storage.scatter_update(tf.IndexedSlices(tf.reshape(values, [count, -1]), rows))
        stream.finish()


class _Inflater:
    """Reads a zlib file piece by piece."""

    _PIECE = 1 << 20

    def __init__(self, file: BinaryIO, path: Path):
        self._file, self._path, self._unpacker = file, path, zlib.decompressobj()

    def _next(self, most: int) -> bytes:
        """Returns some of the next bytes, at most `most`."""
        source = self._unpacker.unconsumed_tail or self._file.read(self._PIECE)
        try:
            piece = self._unpacker.decompress(source, most)
        except zlib.error as error:
            raise ValueError(f"{self._path} is damaged: {error}") from error
        if not piece and not source:
            raise ValueError(f"{self._path} is damaged: it ends too early")
        return piece

    def take(self, count: int) -> bytes:
        """Returns the next `count` bytes, un-compressed."""
        pieces = []
        while count:
            pieces.append(self._next(count))
            count -= len(pieces[-1])
        return b"".join(pieces)

    def skip(self, count: int) -> None:
        """Leaves out the next `count` bytes."""
        while count:
            count -= len(self.take(min(count, self._PIECE)))

    def finish(self) -> None:
        """Checks that the file ends here, and zlib's checksum with it."""
        while not self._unpacker.eof:
            if self._next(1):
                raise ValueError(f"{self._path} is damaged: it is too long")
