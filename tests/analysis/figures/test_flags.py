"""Tests of the flags that name a figure, its part and the folder of its runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from absl import flags

from tf_pruned_rl.analysis import figures
from tf_pruned_rl.analysis.figures import flags as figure_flags
from tf_pruned_rl.errors import UserError


def parse(*arguments: str) -> flags.FlagValues:
    values = flags.FlagValues()
    figure_flags.define_flags(values)
    values(["command", *arguments])
    return values


def test_a_part_of_a_figure():
    selection = figures.Selection(
        tasks=("Enduro", "Assault"), seeds=2, agents=("rainbow",), values=(1.0, 5.0)
    )
    part = parse(
        *("--figure=1", "--budget=paper", "--games=Enduro,Assault", "--seeds=2", "--agents=rainbow"),
        "--values=1,5",
    )
    assert figure_flags.figure(part) == figures.figure("1", "paper", "atari", selection)
    assert len(figure_flags.figure(part).runs()) == 2 * 2 * 2 * 2


def test_the_default_is_the_whole_figure_at_the_small_budget():
    assert figure_flags.figure(parse("--figure=8")) == figures.figure("8", "small")
    minatar = parse("--figure=1", "--suite=minatar", "--budget=smoke")
    assert figure_flags.figure(minatar) == figures.figure("1", "smoke", "minatar")


def test_the_default_folder_of_runs_has_the_budgets_name():
    assert figure_flags.runs_directory(parse("--budget=paper")) == Path("runs/paper")
    assert figure_flags.runs_directory(parse("--budget=paper", "--runs=here")) == Path("here")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "which figure[?] give --figure=1[|]2"),
        (("--figure=1", "--values=wide"), "--values: could not convert string to float: 'wide'"),
    ],
)
def test_mistakes(arguments, message):
    with pytest.raises(UserError, match=message):
        figure_flags.figure(parse(*arguments))
