"""Figures 2 and 10 against Eq. 1 in closed form, float64."""

from __future__ import annotations

import numpy as np
import pytest

from tf_pruned_rl.analysis import figures
from tf_pruned_rl.analysis.figures import schedules


def closed_form(frames: np.ndarray, begin: float, end: float, final: float = 0.95) -> np.ndarray:
    """The cubic: 0 before, final [1 - (1 - progress)^3] between, final after."""
    progress = np.clip((frames - begin) / (end - begin), 0, 1)
    return final * (1 - (1 - progress) ** 3)


# Windows in frames from the paper: figure 2's ramps, and figure 10's two schedules.
@pytest.mark.parametrize(
    ("number", "windows"),
    [
        ("2", {"40 M frames": (8e6, 32e6), "100 M frames": (20e6, 80e6)}),
        ("10", {"95 % pruned, 40 M schedule": (8e6, 32e6), "95 % pruned, 100 M schedule": (20e6, 80e6)}),
    ],
)
def test_schedules_of_the_paper(number, windows):
    figure = figures.figure(number)
    lines = {line.arm: line for line in schedules.schedules(figure, figure.panels[0])}
    assert lines.keys() - {"Dense"} == windows.keys()
    for arm, (begin, end) in windows.items():
        line = lines[arm]
        assert line.frames[0] == 0 and line.frames[-1] == 100e6
        np.testing.assert_allclose(line.sparsity, closed_form(line.frames, begin, end), atol=1e-9)
    if "Dense" in lines:
        assert not lines["Dense"].sparsity.any()


def test_a_smaller_budget_has_the_same_shape():
    figure = figures.figure("10", "small")
    for line, share in zip(schedules.schedules(figure, figure.panels[0])[1:], (0.4, 1.0), strict=True):
        expected = closed_form(line.frames, 0.2 * share * 10e6, 0.8 * share * 10e6)
        np.testing.assert_allclose(line.sparsity, expected, atol=1e-9)


def test_only_figure_10_compares_schedules():
    differing = [
        number
        for number, figure in figures.FIGURES.items()
        if figure.kind != "schedule" and any(schedules.differ(panel) for panel in figure.panels)
    ]
    assert differing == ["10"]
