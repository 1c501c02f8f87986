"""Draws the learning curves of run directories over the published ones.

python experiments/curves.py --runs=DIR,DIR,... --out=FILE.png
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import app, flags

from tf_pruned_rl.analysis import curves, results
from tf_pruned_rl.errors import UserError

_RUNS = flags.DEFINE_list("runs", [], "Run directories, separated by commas; runs still going on are fine.")
_OUT = flags.DEFINE_string(
    "out", "curves.png", "File to draw into (.png, .pdf or .svg); a .csv of the numbers is written beside it."
)
_TITLE = flags.DEFINE_string("title", "", "Line above the figure.")


def main(argv: Sequence[str]) -> int:
    """Returns the exit status: 0, or 2 for a mistake of the user's."""
    try:
        if len(argv) > 1:
            raise UserError(f"unexpected argument {argv[1]}: run directories go into --runs=DIR,DIR,...")
        if not _RUNS.value:
            raise UserError("no run to draw: give --runs=DIR,DIR,...")
        drawn = curves.lines([results.load_run(directory) for directory in _RUNS.value])
        table = curves.save(drawn, Path(_OUT.value), _TITLE.value)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    for line in drawn:
        print(curves.verdict(line))
    print(f"Drawn in {_OUT.value}, numbers in {table}")
    return 0


if __name__ == "__main__":
    app.run(main)
