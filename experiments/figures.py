"""Draws a figure of the paper from the runs of a sweep: pictures, and the numbers in them.

python experiments/figures.py --figure=1 --budget=small --runs=runs/small

Runs that are missing or unfinished are named, and do not count.
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from tf_pruned_rl.analysis import aggregate, figures
from tf_pruned_rl.analysis.figures import report
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.flags import run_main

_FIGURE = flags.DEFINE_string("figure", "", f"One of {', '.join(figures.FIGURES)}.")
_BUDGET = flags.DEFINE_enum("budget", "small", list(figures.BUDGETS), "That of the sweep.")
_SUITE = flags.DEFINE_enum("suite", "atari", figures.SUITES, "That of the sweep.")
_RUNS = flags.DEFINE_string("runs", "", "Folder of the run directories; runs/BUDGET by default.")
_OUT = flags.DEFINE_string("out", "figures", "Folder to draw into: figure_01.png, .pdf, .csv, and so on.")
_GAMES = flags.DEFINE_list("games", [], "Only these games, or environments.")
_AGENTS = flags.DEFINE_list("agents", [], "Only these agents.")
_VALUES = flags.DEFINE_list("values", [], "Only these values of what the panels vary, widths for example.")
_SEEDS = flags.DEFINE_integer("seeds", 0, "Only so many seeds; 0 is all.")
_STATISTIC = flags.DEFINE_enum(
    "statistic",
    None,
    list(aggregate.STATISTICS),
    "Over runs and games; by default iqm, and mean of plain returns.",
)
_REPETITIONS = flags.DEFINE_integer("repetitions", aggregate.REPETITIONS, "Of the bootstrap.", lower_bound=1)
_PROFILES = flags.DEFINE_bool("profiles", False, "Performance profiles of the final scores, too.")
_IMPROVEMENT = flags.DEFINE_bool(
    "improvement", False, "Probabilities of improvement over the first arm, too."
)


def main(argv: list[str]) -> None:
    """Reads, draws, says what the figure shows and what it lacks."""
    del argv
    if not _FIGURE.value:
        raise UserError(f"no figure to draw: give --figure={'|'.join(figures.FIGURES)}")
    try:
        values = tuple(float(value) for value in _VALUES.value)
    except ValueError as error:
        raise UserError(f"--values: {error}") from error
    only = figures.Cut(tuple(_GAMES.value), _SEEDS.value, tuple(_AGENTS.value), values)
    figure = figures.figure(_FIGURE.value, _BUDGET.value, _SUITE.value, only)
    runs = Path(_RUNS.value or Path("runs", _BUDGET.value))
    wishes = report.Wishes(_STATISTIC.value or "", _REPETITIONS.value, _PROFILES.value, _IMPROVEMENT.value)
    for line in report.make(figure, runs, Path(_OUT.value), wishes):
        print(line, flush=True)


if __name__ == "__main__":
    run_main(main)
