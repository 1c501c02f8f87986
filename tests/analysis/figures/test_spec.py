"""Tests of the runs that a figure's table stands for."""

from __future__ import annotations

import dataclasses

import pytest
from absl import flags as absl_flags

from tf_pruned_rl import config as configuration
from tf_pruned_rl import environments
from tf_pruned_rl.analysis import figures
from tf_pruned_rl.analysis.figures import spec
from tf_pruned_rl.config import flags, validation
from tf_pruned_rl.config import io as config_io


def test_counts_of_the_paper():
    # Configurations x games x seeds, counted by hand from the paper's text; shared runs once.
    counted = {
        "1": 2 * 2 * 3 * 15 * 5,
        "2": 0,
        "3": 4 * 15 * 5,
        "4": 2 * 2 * 3 * 15 * 5,
        "5": 2 * 4 * 15 * 5,
        "6": 2 * 2 * 3 * 17 * 5,
        "7": 2 * 2 * 60 * 5,
        "8": 2 * 3 * 26 * 5,
        "9": 4 * 2 * 10,
        "10": 3 * 15 * 5,
        "11": 2 * 4 * 5,
        "12": 6 * 3 * 15 * 5,
        "13": 2 * 2,
        "14": 2 * 2 * 5 * 15 * 5,
        "15": 4 * 15 * 5,
        "16": 2 * 4 * 4 * 15 * 5,
        "17": 4 * 3 * 10,
        # Not the paper's: games x agents; arms x widths x games x seeds; arms x games x seeds.
        "fidelity": 4 * 2,
        "minatar": 2 * 2 * 2 * 3,
        "structures": 3 * 2 * 3,
    }
    assert counted.keys() == figures.FIGURES.keys()
    assert {number: len(spec.unique(figures.figure(number).runs())) for number in counted} == counted


# Every figure, at every budget but the paper's, whose runs are those of small but longer; and on MinAtar.
ALL = [(number, budget, "atari") for number in figures.FIGURES for budget in ("small", "smoke")] + [
    (number, budget, "minatar")
    for number, figure in figures.FIGURES.items()
    if figure.command == "online" and figure.kind != "published"
    for budget in ("small", "smoke")
]


@pytest.mark.parametrize(("number", "budget", "suite"), ALL)
def test_every_run_can_be_made(number, budget, suite):
    for run in spec.unique(figures.figure(number, budget, suite).runs())[::7]:
        config = configuration.replace(run.config, data="DIR") if run.command == "offline" else run.config
        validation.validate(config)
        assert environments.canonical(config) == config  # the task is in its one spelling


@pytest.mark.parametrize(("number", "budget", "suite"), ALL)
def test_the_flags_make_the_configuration(number, budget, suite):
    kinds = {
        "online": configuration.ExperimentConfig,
        "continuous": configuration.ContinuousConfig,
        "offline": configuration.OfflineConfig,
    }
    for run in spec.unique(figures.figure(number, budget, suite).runs())[::11]:
        values = absl_flags.FlagValues()
        flags.define_flags(kind=kinds[run.command], flag_values=values)
        data = {"data": "DIR"} if run.command == "offline" else {}
        values([run.command, *run.flags(), *(f"--{name}={value}" for name, value in data.items())])
        config = configuration.replace(run.config, **data)
        assert flags.config_from_flags(values, kind=kinds[run.command]) == config


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


def test_structures_are_compared_with_runs_that_are_there_already():
    wide = {run.run_id: run.arm for run in figures.figure("minatar").runs() if run.value == 3}
    structures = {run.run_id: run.arm for run in figures.figure("structures").runs()}
    assert {run_id: structures[run_id] for run_id in wide} == wide
    others = [run for run in figures.figure("structures").runs() if run.run_id not in wide]
    assert {run.arm for run in others} == {"Structured"} and len(others) == 2 * 3


def test_unique_leaves_the_first_place_of_a_run():
    runs = figures.figure("3", "smoke").runs()
    assert spec.unique(runs + runs) == runs


@pytest.mark.parametrize("number", list(figures.FIGURES))
@pytest.mark.parametrize("budget", ["small", "smoke"])
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
    assert (config.run.total_steps, config.environment.env, config.run.seed) == (5_000, "Ant-v5", 2)


def test_no_such_field():
    with pytest.raises(KeyError, match="widht"):
        spec.resolve({"agent": "dqn", "widht": 3}, task="Pong", seed=0)


def test_a_run_of_the_data_for_every_seed_wherever_they_lie():
    figure = figures.figure("6", "small")
    here, there = (dataclasses.replace(figure, common={**figure.common, "data": name}) for name in "ab")
    assert [run.run_id for run in here.runs()] == [run.run_id for run in there.runs()]
    for run in here.runs():
        assert run.config.replay.dataset_run == run.seed + 1
        assert (run.config.run.iterations, run.config.run.iteration_steps) == (10, 125_000)


def test_continuous_control_has_no_flag_for_its_only_agent():
    flags = figures.figure("9").runs()[0].flags()
    assert "--env=Walker2d-v5" in flags and not any(flag.startswith("--agent") for flag in flags)
