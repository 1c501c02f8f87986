"""Tests of the layout of a figure."""

from __future__ import annotations

import pytest

from tf_pruned_rl.analysis import figures
from tf_pruned_rl.analysis.figures import layout


@pytest.mark.parametrize(
    ("count", "columns", "rows"), [(1, 1, 1), (2, 2, 1), (3, 3, 1), (4, 2, 2), (5, 3, 2), (7, 3, 3)]
)
def test_axes_in_rows_of_two_or_three(count, columns, rows):
    page, (plots,) = layout.create(figures.FIGURES["1"], count, ["Dense"], "note", False)
    grid = plots[0].get_gridspec()
    assert (grid.ncols, grid.nrows) == (columns, rows)
    assert page.axes == plots and len(plots) == count


def test_a_strip_below_each():
    page, (plots, strips) = layout.create(figures.FIGURES["10"], 2, ["Dense"], "note", True)
    page.draw_without_rendering()
    for plot, strip in zip(plots, strips, strict=True):
        assert strip.get_position().y1 < plot.get_position().y0
        assert strip.get_position().height < plot.get_position().height / 2


def test_the_suite_is_named_where_the_paper_has_the_number():
    titles = {
        ("1", "atari"): "Figure 1. Wider",
        ("1", "minatar"): "Figure 1 on MinAtar. Wider",
        ("minatar", "minatar"): "Wider",
    }
    for (number, suite), begin in titles.items():
        page, _ = layout.create(figures.figure(number, "smoke", suite), 1, ["Dense"], "note", False)
        assert page.texts[0].get_text().startswith(begin)


def test_an_arm_looks_the_same_wherever_it_is():
    styles = layout.ArmStyles.of(figures.FIGURES["1"])  # whose two panels have the same arms
    assert list(styles.colours) == ["Dense", "95 % pruned"]
    assert len(set(styles.colours.values())) == len(set(styles.markers.values())) == 2
