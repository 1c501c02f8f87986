"""Tests of the runs that a figure's table stands for."""

from __future__ import annotations

import pytest

from tf_pruned_rl import config as configuration
from tf_pruned_rl import config_io
from tf_pruned_rl.analysis import figures
from tf_pruned_rl.analysis.figures import spec


def test_counts_of_the_paper():
    # Configurations x games x seeds, counted by hand from the paper's text.
    counted = {"1": 2 * 2 * 3 * 15 * 5, "3": 4 * 15 * 5, "9": 4 * 2 * 10}
    assert {number: len(figures.figure(number).runs()) for number in counted} == counted


def test_a_run_knows_its_place_and_its_configuration():
    (run,) = [
        run
        for run in figures.figure("1").runs()
        if (run.panel, run.arm, run.value, run.task, run.seed) == ("Rainbow", "95 % pruned", 3, "Pong", 4)
    ]
    paper = configuration.preset("rainbow")
    assert run.config == configuration.replace(paper, width=3.0, seed=4)
    assert run.command == "online"
    assert run.run_id == config_io.config_hash(run.config)[:12]


def test_a_run_that_two_figures_share_is_one():
    wide = {run.run_id for run in figures.figure("1").runs() if run.panel == "DQN" and run.value == 3}
    figure_3 = {run.run_id: run.arm for run in figures.figure("3").runs()}
    assert {figure_3[run_id] for run_id in wide} == {"Dense", "95 % pruned"}
    assert len(wide) == 2 * 15 * 5


def test_unique_leaves_the_first_place_of_a_run():
    runs = figures.figure("3", "smoke").runs()
    assert spec.unique(runs + runs) == runs


@pytest.mark.parametrize("number", list(figures.FIGURES))
@pytest.mark.parametrize("budget", list(figures.BUDGETS))
def test_one_directory_for_one_run(number, budget):
    runs = spec.unique(figures.figure(number, budget).runs())
    assert len({run.name for run in runs}) == len(runs) == len({run.run_id for run in runs})


def test_an_int_and_a_float_are_one_width():
    three = spec.resolve({"agent": "dqn", "width": 3}, task="Pong", seed=0)
    assert config_io.config_hash(three) == config_io.config_hash(
        spec.resolve({"agent": "dqn", "width": 3.0}, task="Pong", seed=0)
    )


def test_lengths_are_steps_in_continuous_control():
    config = spec.resolve({"agent": "sac", "total_frames": 5_000}, task="Ant-v5", seed=2)
    assert (config.run.total_frames, config.environment.game, config.run.seed) == (5_000, "Ant-v5", 2)


def test_no_such_field():
    with pytest.raises(KeyError, match="widht"):
        spec.resolve({"agent": "dqn", "widht": 3}, task="Pong", seed=0)
