"""The figure of learning curves: what is said, what is runs, what is written."""

from __future__ import annotations

import csv

import matplotlib.image
import numpy as np
import pytest

from tf_pruned_rl.analysis import curves, results
from tf_pruned_rl.errors import UserError

PRUNED = {"pruning": "magnitude", "sparsity": 0.95}


def lines(*directories):
    return curves.lines([results.load_run(directory) for directory in directories])


def verdict(directory):
    (line,) = lines(directory)
    return curves.verdict(line)


@pytest.mark.parametrize(
    ("means", "fields", "sentence"),
    [
        ([1.8, 7.04], {}, "DQN Breakout nature dense: iteration 1 mean 7.0, published [5.6, 8.1]: inside"),
        ([1.8, 5.4], {}, "DQN Breakout nature dense: iteration 1 mean 5.4, published [5.6, 8.1]: below"),
        ([2.0], {}, "DQN Breakout nature dense: iteration 0 mean 2.0, published [1.6, 1.9]: above"),
        (
            [1.8, 7.0],
            PRUNED,
            "DQN Breakout nature 95 % pruned: iteration 1 mean 7.0, published dense [5.6, 8.1]: inside",
        ),
        (
            [4.5, 4.5],
            {"agent": "rainbow"},
            "Rainbow Breakout nature dense: iteration 1 mean 4.5, published [3.8, 5.0]: inside",
        ),
        # Iterations 5 and 6 were not published: the newest that was counts.
        (
            [1, 7, 14, 18, 23, 30, 31],
            {},
            "DQN Breakout nature dense: iteration 4 mean 23.0, published [22.6, 25.0]: inside",
        ),
        # The second iteration has no mean.
        ([1.8, None], {}, "DQN Breakout nature dense: iteration 0 mean 1.8, published [1.6, 1.9]: inside"),
        (
            [1.8],
            {"num_envs": 8},
            "DQN Breakout nature dense: iteration 0 mean 1.8, published [1.6, 1.9]: inside "
            "(here with num_envs 8)",
        ),
        (
            [1.8],
            {"iteration_frames": 8_000},
            "DQN Breakout nature dense: iteration 0 mean 1.8, not comparable: its iterations are of 8,000 "
            "frames, not 1,000,000",
        ),
        (
            [1.8],
            {"width": 3.0},
            "DQN Breakout nature x3 dense: iteration 0 mean 1.8, not comparable: width 3, published is 1",
        ),
        (
            [1.8],
            {"game": "Boxing"},
            "DQN Boxing nature dense: iteration 0 mean 1.8, nothing published for it",
        ),
        ([None], {}, "DQN Breakout nature dense: no iteration with a finished episode yet"),
        ([], {}, "DQN Breakout nature dense: no iteration with a finished episode yet"),
    ],
)
def test_verdict(make_run, means, fields, sentence):
    assert verdict(make_run("run", means, **fields)) == sentence


def test_runs_of_the_same_name_are_told_apart(make_run):
    labels = [
        line.label
        for line in lines(make_run("a", [1.0]), make_run("b", [1.0]), make_run("c", [1.0], **PRUNED))
    ]
    assert labels == [
        "DQN Breakout nature dense (a)",
        "DQN Breakout nature dense (b)",
        "DQN Breakout nature 95 % pruned",
    ]


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_figure(make_run):
    runs = lines(
        make_run("dense", [1.8, 7.0]),
        make_run("pruned", [1.7, 6.0], **PRUNED),
        make_run("rainbow", [1.7, 4.5], "rainbow"),
        make_run("pong", [-20.0, -18.0], game="Pong"),
    )
    figure = curves.draw(runs[:3], "A title")
    returns, sparsity = figure.axes
    assert figure.get_suptitle() == "A title"
    assert legend(returns) == [
        "DQN nature dense",
        "DQN nature 95 % pruned",
        "Rainbow nature dense",
        "DQN nature dense, published (5 seeds)",
        "Rainbow nature dense, published (5 seeds)",
    ]
    dots = [line for line in returns.get_lines() if line.get_marker() == "o"]
    np.testing.assert_allclose(
        [dot.get_xydata() for dot in dots],
        [[[0.5, a], [1.5, b]] for a, b in ((1.8, 7.0), (1.7, 6.0), (1.7, 4.5))],
    )
    assert [dot.get_markerfacecolor() for dot in dots] == [runs[0].colour, "white", runs[2].colour]
    assert len({line.colour for line in runs}) == 4
    assert returns.get_xlim() == (0, 2)
    assert sparsity.get_ylabel() == "sparsity"
    np.testing.assert_allclose(sparsity.get_lines()[1].get_ydata(), [0, 10, 10, 20])


def boxes(axes):
    """The edges (left, right, low, high) of the shaded areas."""
    paths = [
        patch.get_paths()[0].get_extents() for patch in axes.collections if "Fill" in type(patch).__name__
    ]
    return [(box.x0, box.x1, box.y0, box.y1) for box in paths]


def test_bands_lie_where_their_iteration_is(make_run):
    (returns,) = curves.draw(lines(make_run("run", [1.8, 7.0]))).axes
    np.testing.assert_allclose(boxes(returns), [(0, 1, 1.6, 1.9), (1, 2, 5.6, 8.1)])
    (returns,) = curves.draw(lines(make_run("half", [1.8], iteration_frames=500_000))).axes
    assert boxes(returns) == []
    # Iterations 5 to 8 were not published: a paler area joins 4 and 9.
    (returns,) = curves.draw(lines(make_run("long", [1.0] * 10))).axes
    assert (5, 9) in [box[:2] for box in boxes(returns)]
    assert (9, 10, 48.7, 57.0) in boxes(returns)


def test_a_band_is_drawn_once_for_dense_and_pruned(make_run):
    runs = lines(make_run("pruned", [1.8], **PRUNED), make_run("dense", [1.8]))
    returns = curves.draw(runs).axes[0]
    assert len(boxes(returns)) == 1
    band = next(patch for patch in returns.collections if "Fill" in type(patch).__name__)
    expected = matplotlib.colors.to_rgb(runs[1].colour)
    np.testing.assert_allclose(band.get_facecolor()[0][:3], expected)


def test_a_column_for_each_game(make_run):
    pong = make_run("pong", [-20.0], game="Pong", iteration_frames=8_000)
    figure = curves.draw(lines(make_run("breakout", [1.8], **PRUNED), pong))
    above = figure.axes[:2]
    assert [axes.get_legend().get_title().get_text() for axes in above] == ["Breakout", "Pong"]
    assert [axes.get_xlabel() for axes in figure.axes[2:]] == ["million frames", "thousand frames"]


def test_files(make_run, tmp_path):
    dense, pruned = make_run("dense", [1.8, None]), make_run("pruned", [1.75], **PRUNED)
    out = tmp_path / "new folder" / "curves.png"
    table = curves.save(lines(dense, pruned), out, "Breakout")
    pixels = matplotlib.image.imread(out)
    assert pixels.shape[0] > 500 and pixels.std() > 0.01
    assert table == out.with_suffix(".csv")
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    assert rows[0] == {
        "run": str(dense),
        "agent": "dqn",
        "network": "nature",
        "game": "Breakout",
        "pruned_to": "0",
        "iteration": "0",
        "frames": "1000000",
        "mean_return": "1.8",
        "episodes": "5",
        "sparsity": "0.1",
        "published_mean": "1.8",
        "published_low": "1.6",
        "published_high": "1.9",
    }
    assert rows[1]["mean_return"] == "" and rows[1]["published_high"] == "8.1"
    assert rows[2]["pruned_to"] == "0.95" and rows[2]["mean_return"] == "1.75"


def test_a_run_without_records_can_be_drawn(make_run, tmp_path):
    out = tmp_path / "curves.svg"
    curves.save(lines(make_run("run", [])), out)
    assert out.read_text().lstrip().startswith("<?xml")


def test_files_that_cannot_be_written_are_refused(make_run, tmp_path):
    runs = lines(make_run("run", [1.0]))
    with pytest.raises(UserError, match=r"must end in one of .png"):
        curves.save(runs, tmp_path / "curves.jpg")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="give another --out"):
        curves.save(runs, tmp_path / "file" / "curves.png")
