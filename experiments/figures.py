"""Draws a figure of the paper from the runs of a sweep: pictures, and the numbers in them.

python experiments/figures.py --figure=1 --budget=small --runs=runs/small

Missing and unfinished runs are named and do not count.
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from tf_pruned_rl.analysis import aggregate
from tf_pruned_rl.analysis.figures import estimates, report
from tf_pruned_rl.analysis.figures import flags as figure_flags
from tf_pruned_rl.config.flags import run_main

figure_flags.define_flags()
_OUT = flags.DEFINE_string("out", "figures", "Folder to draw into: figure_01.png, .pdf, .csv, and so on.")
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
_DIFFERENCES = flags.DEFINE_bool(
    "differences", False, "Differences of the final scores to the first arm's, seed by seed, too."
)


def main(argv: list[str]) -> None:
    """Reads the runs, draws the figure, and prints its numbers and what is missing."""
    del argv
    options = estimates.Options(
        statistic=_STATISTIC.value or "",
        repetitions=_REPETITIONS.value,
        profiles=_PROFILES.value,
        improvement=_IMPROVEMENT.value,
        differences=_DIFFERENCES.value,
    )
    figure, runs = figure_flags.figure(), figure_flags.runs_directory()
    for line in report.make(figure, runs, Path(_OUT.value), options):
        print(line, flush=True)


if __name__ == "__main__":
    run_main(main)
