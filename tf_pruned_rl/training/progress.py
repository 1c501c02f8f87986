"""What the user sees: one live line while a run goes on, one table at its end."""

from __future__ import annotations

import collections
import time
from collections.abc import Iterable
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tf_pruned_rl.training.records import Record

_RECENT = 30
"""Records the shown speed is measured over: one slow second does not upset the time left."""


class Progress:
    """One live line on a terminal; elsewhere (a file, CI) a plain line now and then.

    Use it as a context manager, so that the terminal is given back whatever happens.
    """

    def __init__(
        self,
        total_frames: int,
        *,
        unit: str = "frames",
        console: Console | None = None,
        plain_every: float = 30.0,
    ) -> None:
        """Prepares the line.

        Args:
          total_frames: length of the run, in emulator frames.
          unit: what the user calls those.
          console: where to write; standard output by default.
          plain_every: seconds between lines where there is no terminal.
        """
        self._total = total_frames
        self._unit = unit
        self._console = console or create_console()
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._plain_every = plain_every
        self._printed_at = -float("inf")
        self._unprinted = ""
        self._steps: collections.deque[tuple[float, int]] = collections.deque(maxlen=_RECENT)

    def update(self, record: Record) -> None:
        """Shows a record of kind "progress" (the other kinds are passed over)."""
        if record.kind != "progress":
            return
        line = progress_line(record, self._total, self._speed(record), self._unit)
        if self._live:
            self._live.update(Text(line), refresh=True)
            return
        self._unprinted = line
        if time.monotonic() - self._printed_at >= self._plain_every:
            self._print()

    def close(self) -> None:
        """Leaves the last line standing."""
        if self._live:
            self._live.stop()
        elif self._unprinted:
            self._print()

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _speed(self, record: Record) -> float:
        """Agent steps per second over the last records, with all that happens between them."""
        if not record.gradient_steps:
            return record.clock.get("steps_per_second", 0.0)
        self._steps.append((time.monotonic(), record.agent_steps))
        (first_time, first_steps), (last_time, last_steps) = self._steps[0], self._steps[-1]
        if last_time <= first_time:
            return record.clock.get("steps_per_second", 0.0)
        return (last_steps - first_steps) / (last_time - first_time)

    def _print(self) -> None:
        self._console.print(self._unprinted, soft_wrap=True, highlight=False, markup=False)
        self._printed_at = time.monotonic()
        self._unprinted = ""


def progress_line(record: Record, total_frames: int, speed: float, unit: str = "frames") -> str:
    """Returns the line: frames, share done, speed, time left, returns, loss, sparsity.

    In the warm-up, many times as fast as what follows, the time left is not known.

    Args:
      record: where the run stands; of its values last_return, mean_return, loss, sparsity are shown.
      total_frames: emulator frames of the whole run.
      speed: agent steps per second; 0 if unknown.
      unit: what the user calls frames.
    """
    frames, values = record.frames, record.values
    done = frames / total_frames if total_frames else 1.0
    parts = [f"{frames:,}/{total_frames:,} {unit} {done:.1%}"]
    if speed > 0 and frames:
        steps_left = max(total_frames - frames, 0) * record.agent_steps / frames
        remaining = f"{duration(steps_left / speed)} left" if record.gradient_steps else "warm-up"
        parts += [f"{speed:,.0f} steps/s", remaining]
    if "last_return" in values:
        parts.append(f"return {values['last_return']:g} (mean {values['mean_return']:.1f})")
    if "loss" in values:
        parts.append(f"loss {values['loss']:.3g}")
    if "sparsity" in values:
        parts.append(f"sparsity {values['sparsity']:.1%}")
    return " | ".join(parts)


def final_table(title: str, rows: Iterable[tuple[str, object]], *, console: Console | None = None) -> None:
    """Prints the (name, value) pairs as a table: the result, and where everything lies."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")  # a path is never cut short
    for name, value in rows:
        table.add_row(Text(name.replace("_", " ")), Text(_readable(value)))
    (console or create_console()).print(table)


def create_console() -> Console:
    """Returns standard output as a console; without a terminal it is wide enough for long paths."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


def _readable(value: object) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    return str(value)


def duration(seconds: float) -> str:
    """Returns hours, minutes and seconds, such as ``1:02:03``."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"
