"""The claim on a run: a locked file, so that two sweeps never make the same run at the same time.

The lock is the kernel's (flock) and belongs to the open file. The training process inherits the file, so
the lock lasts until that process and its parent have both ended, in whatever way.
"""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from tf_pruned_rl import durable


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
        durable.write_locked(self.descriptor, json.dumps(record) + "\n")

    def release(self) -> None:
        """Closes the file; a process that inherited it keeps the claim."""
        os.close(self.descriptor)


def acquire(path: Path) -> Claim | None:
    """Returns the claim, or None if another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = durable.lock(path)
    return None if descriptor is None else Claim(path, descriptor)


def is_held(path: Path) -> bool:
    """Returns whether a process holds the lock of a claim, or of a run directory's ``.lock``."""
    return durable.is_locked(path)


def last_start(path: Path) -> LastStart | None:
    """Returns how the last start ended; None where there was none."""
    try:
        record = json.loads(path.read_text())
        return LastStart(record["exit_status"])
    except (OSError, ValueError, KeyError):
        return None
