"""The cost of runs: steps, and hours of the GPU that the paper used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from tf_pruned_rl.config import units
from tf_pruned_rl.sweeps.status import Status

_PAPER_GRADIENT_STEPS_PER_HOUR = 2_500_000 / 48
"""A run of 40 M frames (2.5 M gradient steps) took the authors about two days of a P100, whatever the
agent and the width: 58 agent steps a second."""


@dataclass(frozen=True)
class Cost:
    """The cost of what is left of some runs."""

    runs: int = 0
    agent_steps: float = 0.0
    gradient_steps: float = 0.0
    p100_hours: float | None = 0.0
    """At the paper's speed; None where it states none (continuous control, fixed data) and on MinAtar."""

    def __add__(self, other: Cost) -> Cost:
        """Returns the cost of both."""
        hours = (self.p100_hours, other.p100_hours)
        return Cost(
            self.runs + other.runs,
            self.agent_steps + other.agent_steps,
            self.gradient_steps + other.gradient_steps,
            None if None in hours else sum(hours),  # type: ignore[arg-type]
        )


def cost(status: Status) -> Cost:
    """Returns the cost of what is left of a run."""
    config = status.job.run.config
    budget = units.budget(config)
    rest = 1 - status.frames / status.total
    gradient_steps = budget.gradient_steps * rest
    timed = status.job.run.command == "online" and getattr(config.environment, "suite", "") == "atari"
    hours = gradient_steps / _PAPER_GRADIENT_STEPS_PER_HOUR if timed else None
    return Cost(1 if rest else 0, budget.agent_steps * rest, gradient_steps, hours)


def table(statuses: Iterable[Status]) -> Table:
    """Returns the runs, the cost of what is left of each, and the sum."""
    rows = Table(box=None, pad_edge=False, show_footer=True)
    statuses = list(statuses)
    costs = [cost(status) for status in statuses]
    whole = sum(costs, Cost())
    columns = (
        ("run", "left", [status.job.name for status in statuses], f"{whole.runs} runs to do"),
        ("state", "left", [status.state for status in statuses], ""),
        ("agent steps", "right", *_numbers([each.agent_steps for each in costs], whole.agent_steps)),
        ("gradient steps", "right", *_numbers([each.gradient_steps for each in costs], whole.gradient_steps)),
        ("hours of a P100", "right", [_hours(each.p100_hours) for each in costs], _hours(whole.p100_hours)),
    )
    for name, justify, _, footer in columns:
        rows.add_column(name, footer, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for cells in zip(*(cells for _, _, cells, _ in columns), strict=True):
        rows.add_row(*map(Text, cells))
    return rows


def _numbers(values: list[float], whole: float) -> tuple[list[str], str]:
    return [f"{value:,.0f}" for value in values], f"{whole:,.0f}"


def _hours(hours: float | None) -> str:
    return "not published" if hours is None else f"{hours:,.1f}"
