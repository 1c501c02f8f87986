"""Tests of how a figure is made smaller, and of its parts."""

from __future__ import annotations

import pytest

from tf_pruned_rl.analysis import figures
from tf_pruned_rl.analysis.figures import budgets
from tf_pruned_rl.config import units
from tf_pruned_rl.errors import UserError


def test_paper_is_the_figure_itself():
    for number in ("3", "9", "10", "13"):
        assert figures.figure(number).runs() == figures.FIGURES[number].runs()


def test_small_keeps_the_window_and_the_widths():
    figure = figures.figure("1", "small")
    assert (figure.seeds, figure.length) == (3, 4_000_000)
    assert figure.tasks == ("Breakout", "Enduro", "Assault", "MsPacman")
    assert [panel.values for panel in figure.panels] == [(1, 3, 5)] * 2
    budget = units.budget(figure.runs()[-1].config)
    assert (budget.prune_begin, budget.prune_end, budget.nominal_gradient_steps) == (50_000, 200_000, 250_000)
    assert figure.runs()[0].config.run.iteration_frames == 400_000


def test_smoke_is_tiny_and_prunes_within_the_run():
    for run in figures.figure("1", "smoke").runs():
        budget = units.budget(run.config)
        assert budget.frames == 2_000
        assert 0 < budget.prune_begin < budget.prune_end <= budget.gradient_steps
    assert {run.config.network.width for run in figures.figure("1", "smoke").runs()} == {0.25, 0.75, 1.25}


def test_widths_of_arms_are_scaled_as_those_of_panels():
    assert {run.config.network.width for run in figures.figure("3", "smoke").runs()} == {0.75}
    assert {run.config.network.width for run in figures.figure("9", "smoke").runs()} == {1.25}


def test_minatar_is_as_long_in_agent_steps():
    for budget in figures.BUDGETS:
        (atari, *_), (minatar, *_) = (
            figures.figure("3", budget, suite).runs() for suite in ("atari", "minatar")
        )
        assert units.budget(minatar.config).agent_steps == units.budget(atari.config).agent_steps
        assert minatar.config.environment.suite == "minatar"
    assert figures.figure("1", "small", "minatar").tasks == ("Breakout", "Asterix", "Freeway", "Seaquest")


def test_minatar_has_its_own_small_network_and_no_drq():
    assert {run.config.network.network for run in figures.figure("4", "small", "minatar").runs()} == {
        "minatar"
    }
    assert [panel.title for panel in figures.figure("8", "small", "minatar").panels] == ["DER"]


@pytest.mark.parametrize("number", ["minatar", "structures"])
def test_figures_of_minatar_are_so_whatever_the_suite(number):
    for budget, steps in (("paper", 20_000), ("small", 5_000), ("smoke", 500)):
        figure = figures.figure(number, budget)
        assert figure == figures.figure(number, budget, "minatar")
        assert figure.tasks == ("Breakout", "SpaceInvaders")
        for run in figure.runs():
            assert run.config.environment.suite == "minatar"
            planned = units.budget(run.config)
            assert planned.frames == planned.agent_steps == steps
            assert 0 < planned.prune_begin < planned.prune_end <= planned.gradient_steps


def test_schedules_are_never_scaled():
    assert figures.figure("2", "smoke") == figures.FIGURES["2"]


@pytest.mark.parametrize("budget", ["small", "smoke"])
def test_figures_share_runs_at_every_budget(budget):
    in_figure_1 = {run.run_id for run in figures.figure("1", budget).runs()}
    in_figure_3 = {run.run_id for run in figures.figure("3", budget).runs()}
    in_figure_12 = {run.run_id for run in figures.figure("12", budget).runs()}
    assert in_figure_1 & in_figure_3 and in_figure_1 & in_figure_12


def test_a_selection_keeps_some_runs_and_changes_none():
    whole = figures.figure("1", "small").runs()
    selection = figures.Selection(tasks=("Enduro",), seeds=2, agents=("rainbow",), values=(1, 5))
    part = figures.figure("1", "small", part=selection).runs()
    assert part == tuple(
        run
        for run in whole
        if run.task == "Enduro" and run.seed < 2 and run.panel == "Rainbow" and run.value in (1, 5)
    )
    assert len(part) == 2 * 2 * 2


def test_a_selection_of_values_keeps_panels_without_any():
    figure = figures.figure("12", "small", part=figures.Selection(values=(3,)))
    assert [panel.values for panel in figure.panels] == [(), (3,)]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (figures.Selection(tasks=("Pong",)), "--games: Pong is not one of Breakout, Enduro"),
        (figures.Selection(agents=("sac",)), "--agents: sac is not one of dqn, rainbow"),
        (figures.Selection(values=(2,)), "--values: 2 is not one of 1, 3, 5"),
        (figures.Selection(seeds=4), "--seeds=4: figure 1 has 3 at this budget"),
    ],
)
def test_a_selection_of_something_absent_names_the_choices(selection, message):
    with pytest.raises(UserError, match=message):
        figures.figure("1", "small", part=selection)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("0",), "--figure='0' is not one of 1, 2"),
        (("1", "large"), "--budget='large' is not one of paper, small, smoke"),
        (("1", "small", "procgen"), "--suite='procgen' is not one of atari, minatar"),
        (("9", "small", "minatar"), "figure 9 is not about games that MinAtar has"),
    ],
)
def test_mistakes(arguments, message):
    with pytest.raises(UserError, match=message):
        figures.figure(*arguments)


def test_every_first_game_exists():
    assert set(budgets.FIRST_GAMES) <= set(figures.FIGURES["7"].tasks)
