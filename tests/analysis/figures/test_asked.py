"""Tests of the flags that name a figure, its part and the folder of its runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from absl import flags

from tf_pruned_rl.analysis import figures
from tf_pruned_rl.analysis.figures import asked
from tf_pruned_rl.errors import UserError


def given(*arguments: str) -> flags.FlagValues:
    values = flags.FlagValues()
    asked.define_flags(values)
    values(["command", *arguments])
    return values


def test_a_part_of_a_figure():
    only = figures.Cut(tasks=("Enduro", "Assault"), seeds=2, agents=("rainbow",), values=(1.0, 5.0))
    part = given(
        *("--figure=1", "--budget=paper", "--games=Enduro,Assault", "--seeds=2", "--agents=rainbow"),
        "--values=1,5",
    )
    assert asked.figure(part) == figures.figure("1", "paper", "atari", only)
    assert len(asked.figure(part).runs()) == 2 * 2 * 2 * 2


def test_a_small_whole_figure_unless_told_otherwise():
    assert asked.figure(given("--figure=8")) == figures.figure("8", "small")
    minatar = given("--figure=1", "--suite=minatar", "--budget=smoke")
    assert asked.figure(minatar) == figures.figure("1", "smoke", "minatar")


def test_runs_lie_by_their_budget_unless_told_otherwise():
    assert asked.runs(given("--budget=paper")) == Path("runs/paper")
    assert asked.runs(given("--budget=paper", "--runs=here")) == Path("here")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "which figure[?] give --figure=1[|]2"),
        (("--figure=99",), "--figure='99' is not one of 1, 2"),
        (("--figure=1", "--values=wide"), "--values: could not convert string to float: 'wide'"),
        (("--figure=1", "--games=Pnog"), "--games: Pnog is not one of Breakout"),
    ],
)
def test_mistakes(arguments, message):
    with pytest.raises(UserError, match=message):
        asked.figure(given(*arguments))
