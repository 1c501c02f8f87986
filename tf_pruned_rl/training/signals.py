"""What asks a command to stop: Ctrl-C, and SIGTERM."""

from __future__ import annotations

import signal
from types import FrameType


class Signals:
    """Notes SIGINT and SIGTERM instead of dying of them; a second one is not held back."""

    def __init__(self) -> None:
        self.received: int | None = None
        numbers = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._note) for number in numbers}

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self.restore()

    def restore(self) -> None:
        """Puts back what happened on a signal before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
