"""The paper's figures as tables: ``figure("1", "small")`` is what a sweep runs and what is drawn."""

from __future__ import annotations

from tf_pruned_rl.analysis.figures import (
    fidelity,
    figure_01,
    figure_02,
    figure_03,
    figure_04,
    figure_05,
    figure_06,
    figure_07,
    figure_08,
    figure_09,
    figure_10,
    figure_11,
    figure_12,
    figure_13,
    figure_14,
    figure_15,
    figure_16,
    figure_17,
    minatar,
    structures,
)
from tf_pruned_rl.analysis.figures.budgets import BUDGETS, Cut, cut, scaled
from tf_pruned_rl.analysis.figures.spec import Arm, Figure, Panel, Run, unique
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import SUITES

__all__ = ["BUDGETS", "FIGURES", "SUITES", "Arm", "Cut", "Figure", "Panel", "Run", "figure", "unique"]

FIGURES: dict[str, Figure] = {
    module.FIGURE.number: module.FIGURE
    for module in (
        figure_01,
        figure_02,
        figure_03,
        figure_04,
        figure_05,
        figure_06,
        figure_07,
        figure_08,
        figure_09,
        figure_10,
        figure_11,
        figure_12,
        figure_13,
        figure_14,
        figure_15,
        figure_16,
        figure_17,
        fidelity,
        minatar,
        structures,
    )
}
"""Every figure at the paper's budget, by its number."""


def figure(number: str, budget: str = "paper", suite: str = "atari", only: Cut | None = None) -> Figure:
    """Returns a figure at a budget, on a suite, and the part of it that is asked for.

    Raises:
      UserError: there is no such figure, or nothing of it on that suite, or nothing is left of it.
    """
    if number not in FIGURES:
        raise UserError(f"--figure={number!r} is not one of {', '.join(FIGURES)}")
    return cut(scaled(FIGURES[number], budget, suite), only or Cut())
