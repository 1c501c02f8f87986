"""What the user sees of a sweep: one live table on a terminal, elsewhere a plain line now and then."""

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
"""Runs shown at a time on a terminal."""
_LIVE_SECONDS = 1.0
_PLAIN_SECONDS = 30.0


class View:
    """Shows a sweep while it goes on."""

    def __init__(self, console: Console | None = None, plain_every: float = _PLAIN_SECONDS):
        """Prepares it.

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
        """Shows where things stand before anything is done."""
        self._started = time.monotonic()
        self._frames_before = sum(one.frames for one in statuses)
        if self._live:
            self._live.start()
        self.show(statuses)

    def due(self) -> bool:
        """Says whether it is time to show again."""
        return time.monotonic() - self._shown_at >= self._every

    def show(self, statuses: Sequence[Status]) -> None:
        """Shows where things stand."""
        self._shown_at = time.monotonic()
        line = Text(f"{summary(statuses)}{self._time_left(statuses)}")
        if self._live:
            running = [one for one in statuses if one.state == "running"][:_ROWS]
            self._live.update(Group(line, *([table(running)] if running else [])), refresh=True)
        else:
            self._console.print(line, soft_wrap=True)

    def ended(self, one: Status) -> None:
        """Says how a run ended."""
        self.say(f"{one.state}: {one.job.name}{f': {one.detail}' if one.detail else ''}")

    def say(self, sentence: str) -> None:
        """Writes a line that stays."""
        self._console.print(Text(sentence), soft_wrap=True)

    def end(self) -> None:
        """Gives the terminal back."""
        if self._live:
            self._live.stop()

    def _time_left(self, statuses: Sequence[Status]) -> str:
        """Returns the time left at the speed since the beginning, over all runs; nothing at first."""
        frames = sum(one.frames for one in statuses)
        elapsed = time.monotonic() - self._started
        if frames <= self._frames_before or elapsed < 1:
            return ""
        left = sum(one.total - one.frames for one in statuses if one.state != "failed")
        return f" | {duration(left * elapsed / (frames - self._frames_before))} left"


def summary(statuses: Sequence[Status]) -> str:
    """Returns how many runs are in each state, such as ``2/12 finished, 1 running, 9 waiting``."""
    counts = Counter(one.state for one in statuses)
    parts = [f"{counts['finished']}/{len(statuses)} finished"]
    return ", ".join(parts + [f"{counts[state]} {state}" for state in STATES[1:] if counts[state]])


def table(statuses: Sequence[Status]) -> Table:
    """Returns the runs one by one: state, progress, time left, and what went wrong."""
    rows = Table(box=None, pad_edge=False)
    for name in ("run", "state", "done", "left", ""):
        rows.add_column(name, justify="right" if name in ("done", "left") else "left", no_wrap=name != "")
    for one in statuses:
        left = one.seconds_left if one.state == "running" else None
        time_left = duration(left) if left is not None else ""
        rows.add_row(
            *map(Text, (one.job.name, one.state, f"{one.frames / one.total:.1%}", time_left, one.detail))
        )
    return rows
