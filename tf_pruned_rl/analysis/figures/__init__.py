"""The paper's figures, and ours: ``figure("1", "small")`` is what a sweep runs and what is drawn."""

from __future__ import annotations

from tf_pruned_rl.analysis.figures import ours, paper
from tf_pruned_rl.analysis.figures.budgets import BUDGETS, Selection, at_budget, select
from tf_pruned_rl.analysis.figures.spec import Arm, Figure, Panel, PlannedRun, unique
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import SUITES

__all__ = [
    "BUDGETS",
    "FIGURES",
    "SUITES",
    "Arm",
    "Figure",
    "Panel",
    "PlannedRun",
    "Selection",
    "figure",
    "unique",
]

FIGURES: dict[str, Figure] = {figure.number: figure for figure in (*paper.FIGURES, *ours.FIGURES)}
"""Every figure at the paper's budget, by its number."""


def figure(number: str, budget: str = "paper", suite: str = "atari", part: Selection | None = None) -> Figure:
    """Returns a figure at a budget and on a suite, or a part of it.

    Raises:
      UserError: there is no such figure, it is not about games of that suite, or ``part`` names
        something that it does not have.
    """
    if number not in FIGURES:
        raise UserError(f"--figure={number!r} is not one of {', '.join(FIGURES)}")
    return select(at_budget(FIGURES[number], budget, suite), part or Selection())
