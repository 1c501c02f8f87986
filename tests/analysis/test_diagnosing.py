"""What the figures of diagnostics are made of: groups, series, intervals, the window of pruning."""

from __future__ import annotations

import numpy as np
import pytest

from tf_pruned_rl import config
from tf_pruned_rl.analysis import diagnosing, results
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.training.records import Record


@pytest.fixture
def make_run(tmp_path, write_run):
    """Returns a function that makes a run: {frames: value of every diagnostic}, {frames: sparsity}."""

    def make(name: str, values: dict[int, float], sparsity: dict[int, float], agent="dqn", **fields):
        settings = config.replace(config.preset(agent), diagnostics=True, **fields)
        names = [panel for panel in diagnosing.PANELS if panel != "return"] + ["covariance_size"]
        records = [Record("progress", f, f // 4, 1, {"sparsity": share}) for f, share in sparsity.items()]
        for frames, value in values.items():
            records.append(Record("diagnostics", frames, frames // 4, 1, dict.fromkeys(names, value)))
        covariances = {frames: np.array([[1, value], [value, 1]]) for frames, value in values.items()}
        return results.load_run(write_run(tmp_path / name, settings, records, covariances=covariances))

    return make


GRADUAL = {1_000: 0.0, 2_000: 0.3, 3_000: 0.8, 4_000: 0.95, 5_000: 0.95}


def test_runs_are_grouped_by_game_and_kind_and_seeds_share_a_line(make_run):
    runs = [
        make_run("a", {1_000: 0.5}, GRADUAL),
        make_run("b", {1_000: 0.7}, GRADUAL, seed=1),
        make_run("c", {1_000: 0.9}, {1_000: 0.0}, pruning="none", intervention="redo"),
        make_run("d", {1_000: 0.9}, GRADUAL, game="Breakout"),
    ]
    groups = diagnosing.groups(runs)
    assert list(groups) == [("Pong", "95 % pruned"), ("Pong", "dense + redo"), ("Breakout", "95 % pruned")]
    assert groups["Pong", "95 % pruned"] == runs[:2]
    first = next(iter(diagnosing.verdicts(groups)))
    assert (
        first.startswith("Pong, 95 % pruned (2 runs): q_variance 0.6") and "gradient covariance 0.6" in first
    )


def test_what_cannot_be_drawn_is_refused(make_run):
    with pytest.raises(UserError, match="train it with --diagnostics"):
        diagnosing.groups([make_run("none", {}, GRADUAL)])
    with pytest.raises(UserError, match="several settings"):
        diagnosing.groups([make_run("one", {1: 1.0}, {}), make_run("wide", {1: 1.0}, {}, width=3.0)])


def test_the_window_is_read_from_what_the_run_logged(make_run):
    assert diagnosing.pruning_window(make_run("whole", {}, GRADUAL)) == [2_000, 4_000]
    assert diagnosing.pruning_window(make_run("begun", {}, {1_000: 0.0, 2_000: 0.3})) == [2_000]
    assert diagnosing.pruning_window(make_run("before", {}, {1_000: 1e-7})) == []
    assert diagnosing.pruning_window(make_run("static", {}, {1_000: 0.95}, pruning="static")) == []
    assert diagnosing.pruning_window(make_run("dense", {}, {1_000: 0.0}, pruning="none")) == []
    assert diagnosing.pruning_window(make_run("nothing", {}, {})) == []


def test_the_newest_covariance_is_drawn(make_run):
    run = make_run("run", {1_000: 0.25, 2_000: -0.5}, GRADUAL)
    frames, matrix = diagnosing.covariance(run)
    assert frames == 2_000 and matrix.tolist() == [[1, -0.5], [-0.5, 1]]
    assert diagnosing.covariance(run, "kept")[1].tolist() == [[1, 0], [0, 1]]
    figure = diagnosing.heat_maps(diagnosing.groups([run]))
    (axes,) = [each for each in figure.axes if each.images]
    assert axes.get_title() == "Pong, 95 % pruned, 2,000 frames\nmean size 0.50, 100 % negative"
    with pytest.raises(UserError, match="gradient_covariance"):
        diagnosing.covariance(make_run("none", {}, GRADUAL))


def test_panels_show_the_means_over_seeds_and_the_window(make_run):
    runs = [
        make_run("a", {1_000: 0.5, 2_000: 1.0, 3_000: 9.0}, GRADUAL),
        make_run("b", {1_000: 1.5, 2_000: 3.0}, GRADUAL, seed=1),
    ]
    figure = diagnosing.panels(diagnosing.groups(runs))
    axes = figure.axes[list(diagnosing.PANELS).index("srank")]
    curve, *window = axes.lines
    # What only one of them has reached is left out.
    assert curve.get_xydata().tolist() == [[1_000, 1.0], [2_000, 2.0]]
    assert [line.get_xdata()[0] for line in window] == [2_000, 4_000]
    assert axes.get_xlabel() == "frames" and axes.get_title(loc="left") == "effective rank"


def test_continuous_control_counts_steps(make_run):
    figure = diagnosing.panels(diagnosing.groups([make_run("sac", {1_000: 0.5}, GRADUAL, agent="sac")]))
    assert {axes.get_xlabel() for axes in figure.axes} == {"steps"}


def test_interval_of_a_mean_over_runs():
    low, high = diagnosing.interval(np.array([[1.0, 5.0], [3.0, 5.0]]))
    assert low.tolist() == [1, 5] and high.tolist() == [3, 5]
    samples = np.random.default_rng(1).normal(3, 2, (40, 1))
    low, high = diagnosing.interval(samples)
    half = 1.96 * samples.std() / np.sqrt(40)
    assert low[0] == pytest.approx(samples.mean() - half, abs=0.1)
    assert high[0] == pytest.approx(samples.mean() + half, abs=0.1)


@pytest.mark.parametrize(("value", "shown"), [(0.00025, "0.00025"), (12.5, "12.5"), (13_500, "13.5k")])
def test_large_numbers_are_short_and_small_ones_plain(value, shown):
    assert diagnosing.tick_label(value) == shown
