"""The flags that name a figure, a part of it, and the folder of its runs."""

from __future__ import annotations

import sys
from pathlib import Path

from absl import flags

from tf_pruned_rl.analysis import figures
from tf_pruned_rl.errors import UserError


def define_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags that sweeping and drawing share."""
    # absl's --help lists the flags of the main module, which it knows by argv[0].
    where = {"flag_values": flag_values, "module_name": sys.argv[0]}
    flags.DEFINE_string("figure", "", f"One of {', '.join(figures.FIGURES)}.", **where)
    flags.DEFINE_enum(
        "budget", "small", list(figures.BUDGETS), "How much of it; docs/reproducing.md.", **where
    )
    flags.DEFINE_enum("suite", "atari", tuple(figures.SUITES), "Where its games come from.", **where)
    flags.DEFINE_string("runs", "", "Folder of the run directories; runs/BUDGET by default.", **where)
    flags.DEFINE_list("games", [], "Only these games, or environments.", **where)
    flags.DEFINE_list("agents", [], "Only these agents.", **where)
    flags.DEFINE_list("values", [], "Only these values of the varied flag, such as widths.", **where)
    flags.DEFINE_integer("seeds", 0, "Only the first so many seeds; 0 for all.", **where)


def figure(flag_values: flags.FlagValues = flags.FLAGS) -> figures.Figure:
    """Returns the figure that the flags name, or the part of it.

    Raises:
      UserError: no figure is named, or as ``figures.figure``.
    """
    if not flag_values.figure:
        raise UserError(f"which figure? give --figure={'|'.join(figures.FIGURES)}")
    try:
        values = tuple(float(value) for value in flag_values.values)
    except ValueError as error:
        raise UserError(f"--values: {error}") from error
    part = figures.Selection(tuple(flag_values.games), flag_values.seeds, tuple(flag_values.agents), values)
    return figures.figure(flag_values.figure, flag_values.budget, flag_values.suite, part)


def runs_directory(flag_values: flags.FlagValues = flags.FLAGS) -> Path:
    """Returns the folder of the run directories."""
    return Path(flag_values.runs or Path("runs", flag_values.budget))
