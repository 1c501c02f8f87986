"""Who makes a run: a locked file, so that two sweeps never make the same one at a time.

The lock is the kernel's (flock) and belongs to the open file, which the training process inherits: it is
held until that process and whoever started it are both gone, however they end.
"""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from tf_pruned_rl import durable


@dataclass(frozen=True)
class Ended:
    """How a run's last start ended."""

    exit_status: int | None
    """Of the command; negative for the signal that killed it; None if whoever started it was killed."""
    host: str


class Claim:
    """The right to make one run."""

    def __init__(self, path: Path, descriptor: int):
        self.path = path
        self.descriptor = descriptor
        """To be handed to the process that makes the run."""

    def write(self, *, pid: int, exit_status: int | None = None) -> None:
        """Notes who makes the run, and at its end how it ended."""
        record = {"host": socket.gethostname(), "pid": pid, "exit_status": exit_status}
        durable.write_locked(self.descriptor, json.dumps(record) + "\n")

    def release(self) -> None:
        """Closes the file; another process that inherited it holds on to the claim."""
        os.close(self.descriptor)


def take(path: Path) -> Claim | None:
    """Returns the claim, or None if somebody has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = durable.lock(path)
    return None if descriptor is None else Claim(path, descriptor)


def held(path: Path) -> bool:
    """Says whether somebody has the claim, or, at ``.lock``, whether a process has a run directory open."""
    return durable.is_locked(path)


def ended(path: Path) -> Ended | None:
    """Returns how the last start ended; None where there was none."""
    try:
        record = json.loads(path.read_text())
        return Ended(record["exit_status"], record["host"])
    except (OSError, ValueError, KeyError):
        return None
