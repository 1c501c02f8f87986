"""Draws the learning curves of runs: training returns over the published ones, or evaluation returns.

python experiments/curves.py --runs=DIR,DIR,... --out=FILE.png
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from tf_pruned_rl.analysis import curves, evaluations, results
from tf_pruned_rl.config.flags import run_main
from tf_pruned_rl.errors import UserError

_RUNS = flags.DEFINE_list("runs", [], "Run directories, separated by commas; runs may be in progress.")
_OUT = flags.DEFINE_string(
    "out", "curves.png", "File to draw into (.png, .pdf or .svg); a .csv of the numbers is written beside it."
)
_RETURNS = flags.DEFINE_enum(
    "returns",
    "training",
    ["training", "evaluation"],
    "training: a line per run, over published bands; evaluation: the mean over seeds.",
)
_TITLE = flags.DEFINE_string("title", "", "Line above the figure.")


def main(argv: list[str]) -> None:
    """Reads the runs, draws them, and prints a sentence about each."""
    del argv
    if not _RUNS.value:
        raise UserError("no run to draw: give --runs=DIR,DIR,...")
    runs = [results.load_run(directory) for directory in _RUNS.value]
    if _RETURNS.value == "evaluation":
        runs, absent = evaluations.with_evaluations(runs)
        groups = evaluations.groups(runs)
        table = evaluations.save(groups, Path(_OUT.value), _TITLE.value)
        sentences = [*map(evaluations.verdict, groups), *absent]
    else:
        lines = curves.lines(runs)
        table = curves.save(lines, Path(_OUT.value), _TITLE.value)
        sentences = [curves.verdict(line) for line in lines]
    print(*sentences, sep="\n")
    print(f"Drawn in {_OUT.value}, numbers in {table}")


if __name__ == "__main__":
    run_main(main)
