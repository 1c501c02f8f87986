"""The flags by which a command is told a figure, the part of it, and where its runs lie."""

from __future__ import annotations

import sys
from pathlib import Path

from absl import flags

from tf_pruned_rl.analysis import figures
from tf_pruned_rl.analysis.figures.budgets import Cut
from tf_pruned_rl.analysis.figures.spec import Figure
from tf_pruned_rl.errors import UserError


def define_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags, the same for a sweep and for a drawing."""
    # absl's --help shows the flags of the module that is being run, which it knows by argv[0].
    known = {"flag_values": flag_values, "module_name": sys.argv[0]}
    flags.DEFINE_string("figure", "", f"One of {', '.join(figures.FIGURES)}.", **known)
    flags.DEFINE_enum(
        "budget", "small", list(figures.BUDGETS), "How much of it; docs/reproducing.md.", **known
    )
    flags.DEFINE_enum("suite", "atari", tuple(figures.SUITES), "Where its games are played.", **known)
    flags.DEFINE_string("runs", "", "Folder of the run directories; runs/BUDGET by default.", **known)
    flags.DEFINE_list("games", [], "Only these games, or environments.", **known)
    flags.DEFINE_list("agents", [], "Only these agents.", **known)
    flags.DEFINE_list("values", [], "Only these values of what the panels vary, widths for example.", **known)
    flags.DEFINE_integer("seeds", 0, "Only so many seeds; 0 is all.", **known)


def figure(flag_values: flags.FlagValues = flags.FLAGS) -> Figure:
    """Returns the figure, or the part of it, that is asked for.

    Raises:
      UserError: no figure is named, or as ``figures.figure``.
    """
    asked = flag_values
    if not asked.figure:
        raise UserError(f"which figure? give --figure={'|'.join(figures.FIGURES)}")
    try:
        values = tuple(float(value) for value in asked.values)
    except ValueError as error:
        raise UserError(f"--values: {error}") from error
    only = Cut(tuple(asked.games), asked.seeds, tuple(asked.agents), values)
    return figures.figure(asked.figure, asked.budget, asked.suite, only)


def runs(flag_values: flags.FlagValues = flags.FLAGS) -> Path:
    """Returns the folder of the run directories."""
    return Path(flag_values.runs or Path("runs", flag_values.budget))
