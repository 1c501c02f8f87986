"""The display of a sweep: a live table on a terminal, a line every half minute elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tf_pruned_rl.sweeps.status import State, Status
from tf_pruned_rl.training.progress import create_console, duration

STATES: tuple[State, ...] = ("finished", "running", "interrupted", "waiting", "failed")
_ROWS = 20
"""Most runs in the live table."""
_LIVE_SECONDS = 1.0
_PLAIN_SECONDS = 30.0


class View:
    """Displays a sweep in progress."""

    def __init__(self, console: Console | None = None, plain_every: float = _PLAIN_SECONDS):
        """Prepares the display.

        Args:
          console: where to write; standard output by default.
          plain_every: seconds between lines where there is no terminal.
        """
        self._console = console or create_console()
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._every = _LIVE_SECONDS if self._live else plain_every
        self._shown_at = -float("inf")
        self._started = time.monotonic()
        self._frames_before = 0

    def begin(self, statuses: Sequence[Status]) -> None:
        """Starts the display with the initial statuses."""
        self._started = time.monotonic()
        self._frames_before = sum(status.frames for status in statuses)
        if self._live:
            self._live.start()
        self.show(statuses)

    def due(self) -> bool:
        """Returns whether it is time for an update."""
        return time.monotonic() - self._shown_at >= self._every

    def show(self, statuses: Sequence[Status]) -> None:
        """Updates the display."""
        self._shown_at = time.monotonic()
        line = Text(f"{summary(statuses)}{self._time_left(statuses)}")
        if self._live:
            running = [status for status in statuses if status.state == "running"][:_ROWS]
            self._live.update(Group(line, *([table(running)] if running else [])), refresh=True)
        else:
            self._console.print(line, soft_wrap=True)

    def ended(self, status: Status) -> None:
        """Prints how a run ended."""
        self.say(f"{status.state}: {status.job.name}{f': {status.detail}' if status.detail else ''}")

    def say(self, sentence: str) -> None:
        """Prints a permanent line."""
        self._console.print(Text(sentence), soft_wrap=True)

    def end(self) -> None:
        """Ends the live display."""
        if self._live:
            self._live.stop()

    def _time_left(self, statuses: Sequence[Status]) -> str:
        """Returns the remaining time at the average speed of all runs so far; empty at first."""
        frames = sum(status.frames for status in statuses)
        elapsed = time.monotonic() - self._started
        if frames <= self._frames_before or elapsed < 1:
            return ""
        remaining = sum(status.total - status.frames for status in statuses if status.state != "failed")
        return f" | {duration(remaining * elapsed / (frames - self._frames_before))} left"


def summary(statuses: Sequence[Status]) -> str:
    """Returns how many runs are in each state, such as ``2/12 finished, 1 running, 9 waiting``."""
    counts = Counter(status.state for status in statuses)
    parts = [f"{counts['finished']}/{len(statuses)} finished"]
    return ", ".join(parts + [f"{counts[state]} {state}" for state in STATES[1:] if counts[state]])


def table(statuses: Sequence[Status]) -> Table:
    """Returns a table of runs: state, progress, remaining time, and reason of a failure."""
    rows = Table(box=None, pad_edge=False)
    for name in ("run", "state", "done", "left", ""):
        rows.add_column(name, justify="right" if name in ("done", "left") else "left", no_wrap=name != "")
    for status in statuses:
        seconds = status.seconds_left if status.state == "running" else None
        time_left = duration(seconds) if seconds is not None else ""
        done = f"{status.frames / status.total:.1%}"
        rows.add_row(*map(Text, (status.job.name, status.state, done, time_left, status.detail)))
    return rows
