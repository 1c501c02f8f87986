"""Estimates of groups, and comparisons of their final scores, worked by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tf_pruned_rl.analysis import figures
from tf_pruned_rl.analysis.figures import estimates, scores
from tf_pruned_rl.environments import games

FIGURE = figures.figure("3", "smoke")
OPTIONS = estimates.Options("mean", 50)


@pytest.fixture
def subplot() -> scores.Subplot:
    """Two arms, two seeds, two games, three points; in one game the pruned arm is better."""

    def group(arm: str, finals: list[list[float]]) -> scores.ScoreGroup:
        last = np.array(finals)
        table = np.stack([0 * last, last / 2, last], axis=-1)
        return scores.ScoreGroup(arm, None, ("Pong", "Breakout"), np.array([10, 20, 30]), table, ())

    groups = (group("Dense", [[1, 2], [1, 2]]), group("95 % pruned", [[3, 2], [5, 2]]))
    return scores.Subplot("DQN", FIGURE.panels[0], True, groups)


def test_curves_have_every_point_and_finals_the_last(subplot):
    dense, pruned = estimates.estimate(subplot, OPTIONS)
    assert dense.estimate.value.tolist() == [0, 0.75, 1.5] and dense.frames.tolist() == [10, 20, 30]
    assert pruned.estimate.value.tolist() == [0, 1.5, 3]
    bars = dataclasses.replace(subplot, panel=dataclasses.replace(subplot.panel, x="width"))
    assert [each.estimate.value.tolist() for each in estimates.estimate(bars, OPTIONS)] == [[1.5], [3]]


def test_rows_and_the_sentence(subplot):
    groups = estimates.estimate(subplot, OPTIONS)
    rows = list(estimates.rows(subplot, groups, FIGURE, OPTIONS))
    assert [row["frames"] for row in rows] == [10, 20, 30] * 2
    assert set(rows[0]) == set(estimates.COLUMNS)
    assert (
        estimates.sentence(subplot, groups[0], OPTIONS)
        == "DQN, Dense: mean 1.5 [1.5, 1.5] (2 games x 2 seeds)"
    )


def test_improvement_over_the_first_arm(subplot):
    ((group, other, better),) = estimates.improvements(subplot, OPTIONS)
    assert (group.arm, other.arm) == ("95 % pruned", "Dense")
    assert better.value == (1 + 0.5) / 2


def test_differences_are_of_the_same_game_and_seed(make_sweep, tmp_path):
    """Worked by hand: the dense arm lacks seed 0 of Breakout, the pruned arm seed 1 of Pong."""
    figure = dataclasses.replace(figures.figure("3", "smoke"), tasks=("Pong", "Breakout"), seeds=3)
    lost = {("Dense", "Breakout", 0), ("95 % pruned", "Pong", 1)}
    runs = make_sweep(
        dataclasses.replace(figure, normalised=False),
        tmp_path / "runs",
        lambda run: (
            None
            if (run.arm, run.task, run.seed) in lost
            else [
                0.0,
                10.0 * run.seed + (run.arm != "Dense") * (1 + run.seed) * (2 if run.task == "Pong" else 1),
            ]
        ),
    )
    pong, breakout = scores.collect(dataclasses.replace(figure, normalised=False), runs).subplots
    for subplot, expected in ((pong, [2.0, 6.0]), (breakout, [2.0, 3.0])):
        less = estimates.differences(subplot)
        assert [group.arm for group in less.groups] == [
            f"{sparsity} % pruned less Dense" for sparsity in (90, 95, 99)
        ]
        assert less.groups[1].scores.ravel().tolist() == expected, subplot.title
    (whole,) = scores.collect(figure, runs).subplots
    (_, pruned, _) = estimates.differences(whole).groups
    # Of the two seeds that count, both arms have 0 in Pong and 1 in Breakout.
    assert pruned.scores.shape == (1, 2, 1)
    unit = [human - random for random, human in (games.SCORES[task] for task in ("Pong", "Breakout"))]
    np.testing.assert_allclose(pruned.scores[..., 0] * unit, [[2, 2]], rtol=1e-9)


def test_profiles_share_their_thresholds(subplot):
    (dense, thresholds, share), (_, same, _) = estimates.profiles(subplot)
    assert dense.arm == "Dense" and thresholds is same and (thresholds[0], thresholds[-1]) == (0, 5)
    assert share.value[0] == 1 and share.value[-1] == 0
    assert share.value[np.searchsorted(thresholds, 1.5)] == 0.5
