"""Sparsity over training as Eq. 1 has it: figure 2 whole, and the strip below curves that differ in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes

from tf_pruned_rl.analysis.figures.spec import Arm, Figure, Panel, resolve
from tf_pruned_rl.config import units
from tf_pruned_rl.runtime import muted_stderr

POINTS = 401
"""Of a line over the length of the figure."""


@dataclass(frozen=True)
class Line:
    """The schedule of one arm."""

    arm: str
    frames: np.ndarray
    """float64 [POINTS]."""
    sparsity: np.ndarray
    """float64 [POINTS], share of zeros."""


def line(figure: Figure, panel: Panel, arm: Arm) -> Line:
    """Returns an arm's sparsity over the figure's length, from ``pruning.schedule``.

    A gradient step is placed where the run would make it without a warm-up, as the paper draws it:
    pruning's fractions refer to that. (A real run of 40 M frames is 80,000 frames later.)
    """
    # TensorFlow is loaded for this only.
    with muted_stderr():
        from tf_pruned_rl.pruning.schedule import CubicSparsity

    # The schedule is the same for every task and seed.
    task = figure.tasks[0] if figure.tasks else "Pong"
    config = resolve(figure.flags(panel, arm, next(iter(panel.values), None)), task=task, seed=0)
    frames = np.linspace(0, figure.length, POINTS)
    if config.pruning.pruning == "none":
        return Line(arm.label, frames, np.zeros(POINTS))
    run = units.budget(config)
    schedule = CubicSparsity(
        config.pruning.sparsity, run.prune_begin, run.prune_end, config.pruning.prune_every
    )
    steps_per_frame = run.nominal_gradient_steps / run.frames
    return Line(arm.label, frames, schedule.sparsity_at(frames * steps_per_frame))


def differ(panel: Panel) -> bool:
    """Returns whether the arms of a panel prune gradually to one sparsity, but not at the same time."""
    gradual = [arm.flags for arm in panel.arms if arm.flags.get("pruning") == "magnitude"]
    windows = {(flags.get("prune_start"), flags.get("prune_end")) for flags in gradual}
    return len(windows) > 1


def lines(figure: Figure, panel: Panel) -> list[Line]:
    """Returns the schedules of a panel's arms."""
    return [line(figure, panel, arm) for arm in panel.arms]


def draw(axes: Axes, drawn: list[Line], colours: dict[str, str], unit: float) -> None:
    """Draws schedules, over frames in units of ``unit``."""
    for each in drawn:
        axes.plot(
            each.frames / unit, 100 * each.sparsity, color=colours[each.arm], linewidth=1.8, label=each.arm
        )
    axes.set_ylim(-4, 104)
    axes.set_yticks([0, 50, 95] if len(axes.figure.axes) > 1 else [0, 20, 40, 60, 80, 95])
    axes.yaxis.set_major_formatter(ticker.PercentFormatter(decimals=0, symbol=" %"))
    axes.set_ylabel("sparsity")


def rows(panel: Panel, drawn: list[Line]) -> Iterator[dict[str, object]]:
    """Yields the numbers of schedules."""
    for each in drawn:
        for frames, sparsity in zip(each.frames.tolist(), each.sparsity.tolist(), strict=True):
            yield {"panel": panel.title, "arm": each.arm, "frames": frames, "sparsity": sparsity}
