"""Becomes a training command that ends when its parent ends.

    python -m tf_pruned_rl.sweeps.launch PARENT COMMAND...

PARENT is the process id of the parent, or 0 to survive it. Linux sends SIGTERM when the parent dies.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def main(argv: Sequence[str]) -> None:
    """Sets up signals that last beyond exec, and becomes the command."""
    parent, command = int(argv[1]), argv[2:]
    # Slurm sends them to every process of a job before preemption; only the parent handles them.
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    if parent and sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before prctl
            sys.exit(128 + signal.SIGTERM)
    os.execv(command[0], list(command))


if __name__ == "__main__":
    main(sys.argv)
