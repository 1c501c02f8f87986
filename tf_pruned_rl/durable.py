"""Files that are whole or not there, whatever interrupts the writing: kill -9, power, a full disk.

Write aside, fsync, rename, fsync the folder: after a rename a reader sees the old file or the new one, and
after the last fsync the new one is still there when the power fails (see rename(2) and fsync(2)).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tf_pruned_rl.errors import UserError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_MESSAGES = ("No space left on device", "Disk quota exceeded", "File too large")


def write(path: Path, content: str | bytes) -> None:
    """Replaces the file ``path``; text is written as UTF-8.

    Raises:
      OSError: it cannot be written; the old file is kept.
    """
    temporary = aside(path)
    temporary.unlink(missing_ok=True)
    try:
        # "x": a link that somebody has put there is not followed.
        with open(temporary, "xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def aside(path: Path) -> Path:
    """Returns where ``write`` keeps what is not whole yet."""
    return path.with_name(f".{path.name}.tmp")


def sync(path: Path) -> None:
    """Forces the content of a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(folder: Path) -> None:
    """Forces ``folder`` and everything below it to the disk."""
    for path in [*folder.rglob("*"), folder]:
        sync(path)


def replace_folder(source: Path, target: Path) -> None:
    """Renames the folder ``source`` to ``target``; an older one there is removed once the new one stands."""
    sync_all(source)
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    source.rename(target)
    sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


class GrowingFile:
    """A file that is only appended to, and cut back to where a checkpoint was made.

    Attributes:
      path: of the file.
      file: to write to; buffered.
    """

    def __init__(self, path: Path) -> None:
        """Opens ``path``, keeping what is in it."""
        self.path = Path(path)
        self.file: BinaryIO = open(self.path, "ab")

    def position(self) -> int:
        """Returns the length in bytes, after everything up to there has reached the disk."""
        self.file.flush()
        os.fsync(self.file.fileno())
        return self.file.tell()

    def cut(self, position: int) -> None:
        """Drops everything after the first ``position`` bytes.

        Raises:
          UserError: the file is shorter than that.
        """
        size = os.fstat(self.file.fileno()).st_size
        if size < position:
            raise UserError(
                f"{self.path} has {size} bytes where the checkpoint counts {position}: put the file back, or "
                "start over in another --run_dir (and --log_replay)"
            )
        self.file.truncate(position)
        self.file.seek(position)

    def close(self) -> None:
        """Closes the file."""
        self.file.close()


def lock(path: Path) -> int | None:
    """Locks a file, made if it is not there, or a folder.

    The lock is the kernel's (flock) and belongs to the open file: it is held until every process that has
    it open, by inheritance too, has closed it or ended.

    Returns:
      A descriptor, to be closed; None if somebody else has the lock.
    """
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o644)
    if _locks(descriptor):
        return descriptor
    os.close(descriptor)
    return None


def is_locked(path: Path) -> bool:
    """Says whether somebody has the lock of a file; nobody has where there is none."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _locks(descriptor)
    finally:
        os.close(descriptor)


def write_locked(descriptor: int, text: str) -> None:
    """Replaces the content of a locked file in place: the lock belongs to this file, not to its name."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


def _locks(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_disk_full(error: BaseException) -> bool:
    """Says whether an error means a full disk, quota or file size limit, in Python, NumPy or TensorFlow."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _FULL
    # NumPy's tofile: "100 requested and 20 written"; TensorFlow's errors repeat the system's message.
    return (isinstance(error, OSError) and "requested" in str(error)) or any(
        message in str(error) for message in _FULL_MESSAGES
    )


@contextlib.contextmanager
def disk_full_as_user_error(
    folder: Path, what: str, advice: str, *, temporary: Path | None = None, older: Path | None = None
) -> Iterator[None]:
    """Turns a full disk, quota or file size limit inside the context into a UserError with the numbers.

    Args:
      folder: on the disk that is written to.
      what: is written, for the message.
      advice: what to do.
      temporary: a folder being written, which is removed; that much is needed at least.
      older: an older, whole folder of the same kind; about as much is needed.

    Raises:
      UserError: the disk is full. Other errors are passed on.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, UserError) or not is_disk_full(error):
            raise
        need = "cannot be written"
        if temporary is not None:
            need = f"needs more than {megabytes(size(temporary))}"
            shutil.rmtree(temporary, ignore_errors=True)
        if older is not None:
            need = f"needs about {megabytes(size(older))}"
        reason = error.strerror if isinstance(error, OSError) and error.strerror else _FULL_MESSAGES[0]
        raise UserError(
            f"the disk is full ({reason}): {what} {need}, {_free(folder)} are free. {advice}"
        ) from error


def _free(folder: Path) -> str:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return megabytes(shutil.disk_usage(folder).free)


def size(folder: Path) -> int:
    """Returns the bytes of all files below ``folder``."""
    return sum(Path(root, name).stat().st_size for root, _, names in os.walk(folder) for name in names)


def megabytes(count: int) -> str:
    """Returns a number of bytes for people; a few kilobytes are not 0.0 MB."""
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 or not count else f"{count / 1e6:.3f} MB"
