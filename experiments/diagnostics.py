"""Draws why pruning works: the panels of the paper's figure 11 and the heat maps of figure 13.

python experiments/diagnostics.py --runs=DIR,DIR,... --out=FILE.png

Train the runs with --diagnostics. Runs that differ only in their seeds share a line.
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from tf_pruned_rl.analysis import diagnosing, results
from tf_pruned_rl.config.flags import run_main
from tf_pruned_rl.errors import UserError

_RUNS = flags.DEFINE_list("runs", [], "Run directories, separated by commas; runs may be in progress.")
_OUT = flags.DEFINE_string(
    "out",
    "diagnostics.png",
    "File for the panels (.png, .pdf or .svg); heat maps and a .csv of the numbers are written beside it.",
)
_GRADIENTS = flags.DEFINE_enum(
    "gradients", "all", ["all", "kept"], "Compare gradients by all weights, or by those that are not pruned."
)


def main(argv: list[str]) -> None:
    """Reads the runs, draws them, and prints a sentence about each group."""
    del argv
    if not _RUNS.value:
        raise UserError("no run to draw: give --runs=DIR,DIR,...")
    groups = diagnosing.groups([results.load_run(directory) for directory in _RUNS.value])
    paths = diagnosing.save(groups, Path(_OUT.value), _GRADIENTS.value)
    for line in diagnosing.verdicts(groups):
        print(line)
    print("Drawn in {} and {}, numbers in {}".format(*paths))


if __name__ == "__main__":
    run_main(main)
