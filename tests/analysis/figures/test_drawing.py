"""What pictures of scores show, and that nothing lies over the data."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest

from tf_pruned_rl.analysis import figures, plotting
from tf_pruned_rl.analysis.figures import drawing, estimates, scores
from tf_pruned_rl.environments import games


def draw(make_sweep, tmp_path, number, returns=None):
    figure = figures.figure(number, "smoke")
    runs = make_sweep(figure, tmp_path / "runs", returns or (lambda run: [1.0, 2.0]))
    options = estimates.Options(repetitions=20)
    pairs = [
        (subplot, estimates.estimate(subplot, options)) for subplot in scores.collect(figure, runs).subplots
    ]
    with matplotlib.rc_context(plotting.STYLE):
        page = drawing.draw(figure, pairs, options)
        page.draw_without_rendering()
    return figure, page, pairs


@pytest.mark.parametrize(("number", "plots"), [("1", 2), ("12", 2), ("14", 4), ("9", 2), ("16", 2)])
def test_legend_title_and_note_are_beside_the_axes(make_sweep, tmp_path, number, plots):
    figure, page, _ = draw(make_sweep, tmp_path, number)
    assert len(page.axes) == plots
    title, note = page.texts
    assert title.get_text() == f"Figure {number}. {figure.title}"
    (legend,) = page.legends
    names = {arm.label for panel in figure.panels for arm in panel.arms}
    assert {text.get_text() for text in legend.get_texts()} == names
    boxes = [artist.get_window_extent() for artist in (title, note, legend)]
    for one in range(3):
        assert boxes[one].x0 >= 0 and boxes[one].x1 <= page.bbox.width, boxes[one]
        assert not any(boxes[one].overlaps(boxes[other]) for other in range(one))
        assert not any(boxes[one].overlaps(axes.get_tightbbox()) for axes in page.axes)


def test_axes_say_what_they_are(make_sweep, tmp_path):
    _, page, _ = draw(make_sweep, tmp_path, "12")
    curves, methods = page.axes
    assert curves.get_ylabel() == "IQM of human-normalised scores"
    assert curves.get_xlabel() == "thousand frames"
    assert [tick.get_text() for tick in methods.get_xticklabels()][-1] == "95 % pruned"
    widths = [text.get_text() for text in methods.get_legend().get_texts()]
    assert widths == ["width 0.25", "width 0.75", "width 1.25"]
    assert "2 games x 2 seeds" in page.texts[1].get_text()


def test_axes_of_one_game_show_returns(make_sweep, tmp_path):
    figure, page, _ = draw(make_sweep, tmp_path, "minatar")
    assert [axes.get_title(loc="left") for axes in page.axes] == ["Both games", *figure.tasks]
    assert [axes.get_ylabel() for axes in page.axes] == [
        "IQM of scores, random to best",
        *["mean of training returns"] * 2,
    ]
    note = " ".join(page.texts[1].get_text().split())
    assert "interquartile mean over 2 games x 2 seeds, mean over 2 seeds of one game" in note
    assert "0 is random play" in note
    both, *each = page.axes
    for axes, task in zip(each, figure.tasks, strict=True):
        assert [text.get_text() for text in axes.texts] == ["random play"]
        assert games.MINATAR[task].random in [line.get_ydata()[0] for line in axes.lines]
        assert axes.get_ylim()[0] == 0
    assert not both.texts


def test_fewer_seeds_are_marked(make_sweep, tmp_path):
    lose = lambda run: None if run.arm == "Dense" and run.seed == 1 else [1.0, 2.0]  # noqa: E731
    _, page, pairs = draw(make_sweep, tmp_path, "5", lose)
    (axes,) = page.axes
    assert [text.get_text() for text in axes.texts] == ["n=1"] * 4
    assert "(hollow, with n: fewer)" in page.texts[1].get_text()
    assert np.isnan(pairs[0][1][0].estimate.low).all()
    assert "95 % stratified" in page.texts[1].get_text()


def test_iterations_are_whole_and_single_seeds_have_no_interval(make_sweep, tmp_path):
    _, page, _ = draw(make_sweep, tmp_path, "6", lambda run: None if run.seed else [1.0, 2.0, 1.0, 2.0])
    assert all(axes.get_xlabel() == "iteration" for axes in page.axes)
    assert all(tick == round(tick) for axes in page.axes for tick in axes.get_xticks())
    note = " ".join(page.texts[1].get_text().split())
    assert "runs of 200 gradient steps; no intervals of single seeds" in note


def test_an_empty_panel_says_so(make_sweep, tmp_path):
    _, page, _ = draw(make_sweep, tmp_path, "1", lambda run: [1.0] if run.panel == "DQN" else None)
    assert [text.get_text() for text in page.axes[1].texts] == ["no finished run"]
