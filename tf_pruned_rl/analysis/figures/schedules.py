"""Sparsity over training by Eq. 1: figure 2, and the strip below curves whose schedules differ."""

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
"""Points of a schedule over the length of the figure."""
COLUMNS = ("panel", "arm", "frames", "sparsity")


@dataclass(frozen=True)
class Schedule:
    """The sparsity of one arm over training."""

    arm: str
    frames: np.ndarray
    """float64 [POINTS]."""
    sparsity: np.ndarray
    """float64 [POINTS], fraction of zeros."""


def schedules(figure: Figure, panel: Panel) -> list[Schedule]:
    """Returns the schedules of a panel's arms, from ``pruning.schedule``.

    A gradient step is placed where the run would make it without a warm-up, as in the paper: pruning's
    fractions refer to that. (A real run of 40 M frames makes it 80,000 frames later.)
    """
    return [_schedule(figure, panel, arm) for arm in panel.arms]


def _schedule(figure: Figure, panel: Panel, arm: Arm) -> Schedule:
    # Only figures with schedules load TensorFlow.
    with muted_stderr():
        from tf_pruned_rl.pruning.schedule import CubicSparsity

    # The schedule is the same for every task and seed.
    task = figure.tasks[0] if figure.tasks else "Pong"
    config = resolve(figure.flags(panel, arm, next(iter(panel.values), None)), task=task, seed=0)
    frames = np.linspace(0, figure.length, POINTS)
    pruning = config.pruning
    if pruning.pruning == "none":
        return Schedule(arm.label, frames, np.zeros(POINTS))
    budget = units.budget(config)
    schedule = CubicSparsity(pruning.sparsity, budget.prune_begin, budget.prune_end, pruning.prune_every)
    steps_per_frame = budget.nominal_gradient_steps / budget.frames
    return Schedule(arm.label, frames, schedule.sparsity_at(frames * steps_per_frame))


def differ(panel: Panel) -> bool:
    """Returns whether the panel's arms have several pruning windows."""
    gradual = [arm.flags for arm in panel.arms if arm.flags.get("pruning") == "magnitude"]
    windows = {(flags.get("prune_start"), flags.get("prune_end")) for flags in gradual}
    return len(windows) > 1


def draw(axes: Axes, lines: list[Schedule], colours: dict[str, str], unit: float) -> None:
    """Draws schedules, over frames in units of ``unit``."""
    for line in lines:
        axes.plot(
            line.frames / unit, 100 * line.sparsity, color=colours[line.arm], linewidth=1.8, label=line.arm
        )
    axes.set_ylim(-4, 104)
    axes.set_yticks([0, 50, 95] if len(axes.figure.axes) > 1 else [0, 20, 40, 60, 80, 95])
    axes.yaxis.set_major_formatter(ticker.PercentFormatter(decimals=0, symbol=" %"))
    axes.set_ylabel("sparsity")


def rows(panel: Panel, lines: list[Schedule]) -> Iterator[dict[str, object]]:
    """Yields the CSV rows of schedules."""
    for line in lines:
        for frames, sparsity in zip(line.frames.tolist(), line.sparsity.tolist(), strict=True):
            yield {"panel": panel.title, "arm": line.arm, "frames": frames, "sparsity": sparsity}
