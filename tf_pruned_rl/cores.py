"""How many processor cores there are for this process."""

from __future__ import annotations

import os


def available() -> int:
    """Returns the cores that this process may use: fewer than the machine has where it was given fewer."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
