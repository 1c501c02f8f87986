"""Reads the files of the DQN Replay Dataset, from a disk or over TensorFlow's file systems (gs://).

Every file is read as a stream: memory does not depend on its size. ``layout.py`` says what is in them.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import tensorflow as tf

from tf_pruned_rl.config import OfflineConfig
from tf_pruned_rl.environments import games
from tf_pruned_rl.environments.base import STACK
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.replay import layout
from tf_pruned_rl.seeding import Purpose, numpy_generator

_BLOCK_BYTES = 1 << 22
"""Read at a time where nothing is kept."""


class Damaged(UserError):
    """A file that is not what the layout says; the message names it and says why."""


@dataclass(frozen=True)
class Buffer:
    """One buffer of the logs."""

    number: int
    entries: int
    """Those that are its own: the last of a full one is left over from the buffer before."""
    observation_bytes: int
    """Size of the compressed frames: tells whether the file is still the same."""


@dataclass(frozen=True)
class Stretch:
    """Entries of a buffer, one after the other."""

    number: int
    first: int
    entries: int


@dataclass(frozen=True)
class Sample:
    """What an offline run learns from."""

    directory: str
    buffers: tuple[Buffer, ...]
    stretches: tuple[Stretch, ...]

    @property
    def entries(self) -> int:
        """Entries altogether, the empty ones before episodes included."""
        return sum(stretch.entries for stretch in self.stretches)

    def provenance(self) -> dict[str, object]:
        """Returns what tells this sample from another, for the run directory; not where it lies."""
        return {
            "entries": self.entries,
            "buffers": [asdict(buffer) for buffer in self.buffers],
            "stretches": [asdict(stretch) for stretch in self.stretches],
        }


@functools.lru_cache(maxsize=4)
def sample(config: OfflineConfig) -> Sample:
    """Checks the data of a run, all but the frames, and chooses the sample: one stretch of every buffer.

    Raises:
      UserError: there are no such data, they are damaged, or of another game, or the sample would be
        too short.
    """
    data = config.replay
    directory = logs_directory(data.data, config.environment.game, data.dataset_run)
    actions = len(games.minimal_actions(config.environment.game))
    buffers = tuple(inspect(directory, number, actions) for number in numbers(directory))
    stretches = tuple(_stretch(config, buffer) for buffer in buffers)
    return Sample(directory, buffers, stretches)


def _stretch(config: OfflineConfig, buffer: Buffer) -> Stretch:
    data = config.replay
    entries = round(data.data_fraction * buffer.entries)
    least = STACK + config.learning.n_step + 1
    if entries < least:
        raise UserError(
            f"--data_fraction={data.data_fraction} takes {entries} of the {buffer.entries:,} entries of "
            f"buffer {buffer.number}, but a transition spans {least}: raise it"
        )
    generator = numpy_generator(config.run.seed, Purpose.DATA_SAMPLE, buffer.number)
    places = {"first": 1, "random": buffer.entries - entries + 1}[data.data_sample]
    return Stretch(buffer.number, int(generator.integers(places)), entries)


def logs_directory(data: str, game: str, run: int) -> str:
    """Returns where the logs of a run on a game are.

    Raises:
      UserError: there are none; the message says what there is.
    """
    directory = f"{layout.run_directory(data, game, run)}/replay_logs"
    if _is_directory(directory):
        return directory
    if not _is_directory(data):
        raise UserError(
            f"no directory {data}, or it cannot be reached: --data takes the one that holds "
            "GAME/RUN/replay_logs"
        )
    runs = list_runs(data)
    if game not in runs:
        there = ", ".join(runs) or "no game at all"
        raise UserError(f"no data of {game} in {data}: there is {there}; choose another --game or --data")
    raise UserError(
        f"no run {run} of {game} in {data}: there is {', '.join(map(str, runs[game]))}; choose another "
        "--dataset_run"
    )


def list_runs(data: str) -> dict[str, list[int]]:
    """Returns {game: its runs} in a directory of data."""
    found: dict[str, list[int]] = {}
    for game in _names(data):
        runs = [name for name in _names(f"{data}/{game}") if name.isdecimal()]
        logged = [int(run) for run in runs if _is_directory(f"{data}/{game}/{run}/replay_logs")]
        if logged:
            found[game] = sorted(logged)
    return dict(sorted(found.items()))


def numbers(directory: str) -> list[int]:
    """Returns the numbers of the buffers in a directory of logs, those with missing files included.

    Raises:
      UserError: there is none.
    """
    files = [name.split(".") for name in _names(directory) if name.endswith(".gz")]
    found = sorted({int(parts[-2]) for parts in files if parts[-2].isdecimal()})
    if not found:
        raise UserError(f"{directory} holds no buffer ($store$_observation_ckpt.0.gz and so on)")
    return found


def inspect(directory: str, number: int, actions: int) -> Buffer:
    """Reads all of a buffer but its frames, of which it reads the header.

    Args:
      directory: of the logs.
      number: of the buffer.
      actions: how many the game has.

    Raises:
      Damaged: it is not what the layout says.
    """
    count = int(_read(directory, layout.COUNT, number, "iu", ()))
    _read(directory, layout.INVALID, number, "iuf", None)
    arrays = {name: read_array(directory, name, number) for name in ("action", "reward", "terminal")}
    path = _path(directory, layout.element("observation"), number)
    with _open(path) as file:
        shape = _header(path, file, *layout.ARRAYS["observation"])
    lengths = {name: len(array) for name, array in arrays.items()} | {"observation": shape[0]}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise Damaged(f"{directory}: the arrays of buffer {number} have different lengths ({listed})")
    entries = count % shape[0] if count % shape[0] else min(count, shape[0])
    action = arrays["action"][:entries]
    if len(action) and not 0 <= action.min() <= action.max() < actions:
        raise Damaged(
            f"{_path(directory, layout.element('action'), number)}: actions {action.min()} to "
            f"{action.max()}, but the game has {actions} (0 to {actions - 1}): is it another's?"
        )
    if not np.isfinite(arrays["reward"][:entries]).all():
        raise Damaged(f"{_path(directory, layout.element('reward'), number)}: rewards that are not finite")
    return Buffer(number, entries, int(tf.io.gfile.stat(path).length))


def check(directory: str, number: int, actions: int) -> Buffer:
    """Reads a buffer to its end, frames and checksums included; as ``inspect``."""
    buffer = inspect(directory, number, actions)
    for _ in frames(directory, Stretch(number, buffer.entries, 0), _BLOCK_BYTES, to_the_end=True):
        pass
    return buffer


def read_array(directory: str, array: str, number: int) -> np.ndarray:
    """Returns one of the small arrays of a buffer, whole.

    Raises:
      Damaged: it is not what the layout says.
    """
    path = _path(directory, layout.element(array), number)
    dtype, shape = layout.ARRAYS[array]
    with _open(path) as file:
        length = _header(path, file, dtype, shape)[0]
        content = file.read(length * np.dtype(dtype).itemsize + 1)
    if len(content) != length * np.dtype(dtype).itemsize:
        raise Damaged(f"{path} is damaged: its header promises {length:,} entries")
    return np.frombuffer(content, dtype)


def frames(
    directory: str, stretch: Stretch, entries: int, *, to_the_end: bool = False
) -> Iterator[np.ndarray]:
    """Yields the frames of a stretch, uint8 [n, 84 * 84] with n at most ``entries``.

    Args:
      directory: of the logs.
      stretch: which.
      entries: per array.
      to_the_end: read on after the stretch, to see whether the file is whole.

    Raises:
      Damaged: the file is cut short, or not gzip.
    """
    path = _path(directory, layout.element("observation"), stretch.number)
    dtype, shape = layout.ARRAYS["observation"]
    row = int(np.prod(shape))
    with _open(path) as file:
        length = _header(path, file, dtype, shape)[0]
        _skip(path, file, stretch.first * row)
        for done in range(0, stretch.entries, entries):
            count = min(entries, stretch.entries - done)
            yield np.frombuffer(_take(path, file, count * row), np.uint8).reshape(count, row)
        if to_the_end:
            _skip(path, file, (length - stretch.first - stretch.entries) * row)
            if file.read(1):  # reads the checksum too
                raise Damaged(f"{path} is damaged: it is longer than its header says")


def _take(path: str, file: gzip.GzipFile, size: int) -> bytes:
    content = file.read(size)
    if len(content) != size:
        raise Damaged(f"{path} is damaged: it ends too early")
    return content


def _skip(path: str, file: gzip.GzipFile, size: int) -> None:
    while size:
        size -= len(_take(path, file, min(size, _BLOCK_BYTES)))


def _read(directory: str, name: str, number: int, kinds: str, shape: tuple[int, ...] | None) -> np.ndarray:
    """Returns a small array whose type is one of ``kinds`` (numpy's letters), of ``shape`` if it is given."""
    path = _path(directory, name, number)
    with _open(path) as file:
        try:
            array = np.load(file, allow_pickle=False)
        except ValueError as error:
            raise Damaged(f"{path} is damaged: {error}") from error
    if array.dtype.kind not in kinds or shape not in (None, array.shape):
        raise Damaged(f"{path} holds {array.dtype}{list(array.shape)}, not what belongs there")
    return array


def _header(
    path: str, file: gzip.GzipFile, dtype: type[np.generic], shape: tuple[int, ...]
) -> tuple[int, ...]:
    """Reads numpy's header; returns the array's shape, the number of entries first."""
    try:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        found, fortran, kind = read(file)
    except (ValueError, KeyError) as error:
        raise Damaged(f"{path} is damaged: no array of numpy's ({error})") from error
    if kind != np.dtype(dtype) or fortran or len(found) != 1 + len(shape) or found[1:] != shape:
        wanted = f"{np.dtype(dtype)}[N{''.join(f', {size}' for size in shape)}]"
        raise Damaged(f"{path} holds {kind}{list(found)}, not {wanted}")
    return found


@contextlib.contextmanager
def _open(path: str) -> Iterator[gzip.GzipFile]:
    """Opens a gzip file; what goes wrong with it while it is read becomes Damaged."""
    try:
        with tf.io.gfile.GFile(path, "rb") as raw, gzip.GzipFile(fileobj=raw) as file:
            yield file
    except tf.errors.NotFoundError as error:
        raise Damaged(f"{path} is missing: every buffer has {', '.join(layout.ELEMENTS)}") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Damaged(f"{path} is damaged: {str(error).rstrip('.')}") from error
    except tf.errors.OpError as error:
        raise Damaged(f"{path} cannot be read ({error.message})") from error


def _path(directory: str, name: str, number: int) -> str:
    return f"{directory}/{layout.file_name(name, number)}"


def _names(directory: str) -> list[str]:
    """Returns what is in a directory, sorted; nothing if it is none."""
    try:
        return sorted(name.rstrip("/") for name in tf.io.gfile.listdir(directory))
    except tf.errors.OpError:
        return []


def _is_directory(path: str) -> bool:
    try:
        return bool(tf.io.gfile.isdir(path))
    except tf.errors.OpError as error:
        raise UserError(f"{path} cannot be reached ({error.message}): is the address right?") from error
