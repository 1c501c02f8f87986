"""What runs will cost: steps, and hours of the GPU that the paper used."""

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
    """Of what is still to be done of some runs."""

    runs: int = 0
    agent_steps: float = 0.0
    gradient_steps: float = 0.0
    p100_hours: float | None = 0.0
    """By the paper's speed; None where it gives none (continuous control, fixed data) and on MinAtar."""

    def __add__(self, other: Cost) -> Cost:
        """Returns the cost of both."""
        known = self.p100_hours is not None and other.p100_hours is not None
        return Cost(
            self.runs + other.runs,
            self.agent_steps + other.agent_steps,
            self.gradient_steps + other.gradient_steps,
            self.p100_hours + other.p100_hours if known else None,  # type: ignore[operator]
        )


def cost(one: Status) -> Cost:
    """Returns what is left to do of a run."""
    config = one.job.run.config
    budget = units.budget(config)
    part = 1 - one.frames / one.total
    gradient_steps = budget.gradient_steps * part
    published = one.job.run.command == "online" and config.environment.suite == "atari"
    hours = gradient_steps / _PAPER_GRADIENT_STEPS_PER_HOUR if published else None
    return Cost(1 if part else 0, budget.agent_steps * part, gradient_steps, hours)


def table(statuses: Iterable[Status]) -> Table:
    """Returns the runs, what is left to do of each, and the sum."""
    rows = Table(box=None, pad_edge=False, show_footer=True)
    each = [(one, cost(one)) for one in statuses]
    whole = sum((price for _, price in each), Cost())
    columns = (
        ("run", "left", [one.job.name for one, _ in each], f"{whole.runs} runs to do"),
        ("state", "left", [one.state for one, _ in each], ""),
        ("agent steps", "right", *_numbers([price.agent_steps for _, price in each], whole.agent_steps)),
        ("gradient steps", "right", *_numbers([p.gradient_steps for _, p in each], whole.gradient_steps)),
        ("hours of a P100", "right", [_hours(p.p100_hours) for _, p in each], _hours(whole.p100_hours)),
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
