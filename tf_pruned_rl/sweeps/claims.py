"""The claim on a run: a locked file, so that two sweeps never make the same run at the same time.

The lock is the kernel's (flock) and belongs to the open file. The training process inherits the file, so
the lock lasts until that process and its parent have both ended, in whatever way.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LastStart:
    """How the last start of a run ended."""

    exit_status: int | None
    """Of the command; negative if a signal killed it; None if its parent was killed."""


class Claim:
    """The right to make one run."""

    def __init__(self, path: Path, descriptor: int):
        self.path = path
        self.descriptor = descriptor
        """Inherited by the process that makes the run."""

    def write(self, *, pid: int, exit_status: int | None = None) -> None:
        """Records the process that makes the run and, at its end, the exit status."""
        record = {"host": socket.gethostname(), "pid": pid, "exit_status": exit_status}
        text = json.dumps(record).encode() + b"\n"
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, text, 0)

    def release(self) -> None:
        """Closes the file; a process that inherited it keeps the claim."""
        os.close(self.descriptor)


def acquire(path: Path) -> Claim | None:
    """Returns the claim, or None if another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    if _lock(descriptor):
        return Claim(path, descriptor)
    os.close(descriptor)
    return None


def is_held(path: Path) -> bool:
    """Returns whether a process holds the lock of a claim, or of a run directory's ``.lock``."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def last_start(path: Path) -> LastStart | None:
    """Returns how the last start ended; None where there was none."""
    try:
        record = json.loads(path.read_text())
        return LastStart(record["exit_status"])
    except (OSError, ValueError, KeyError):
        return None


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
