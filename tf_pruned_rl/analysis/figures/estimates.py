"""The statistics of a figure's scores, and their numbers as rows of a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tf_pruned_rl.analysis import aggregate
from tf_pruned_rl.analysis.aggregate import Estimate
from tf_pruned_rl.analysis.figures.scores import DONE, FigureScores, ScoreGroup, Subplot
from tf_pruned_rl.analysis.figures.spec import TIME_AXES, Figure
from tf_pruned_rl.errors import UserError

NAMES = {
    "iqm": "interquartile mean",
    "median": "median over games",
    "mean": "mean",
    "optimality_gap": "optimality gap",
}
"""{statistic: its name in a figure}."""
COLUMNS = (
    *("panel", "arm", "value", "frames", "statistic", "estimate", "low", "high", "games", "seeds"),
    *("seeds_planned", "repetitions"),
)
RUN_COLUMNS = (
    *("panel", "arm", "value", "game", "seed", "state", "counted", "run", "frames", "final_return"),
    *("scale_zero", "scale_one", "final_score"),
)
COMPARISON_COLUMNS = (
    *("panel", "arm", "value", "over", "threshold", "estimate", "low", "high", "games", "seeds"),
)
THRESHOLDS = 101
"""Points of a performance profile."""


@dataclass(frozen=True)
class GroupEstimate:
    """A group as it is drawn: an estimate at every point, or at the last alone."""

    group: ScoreGroup
    frames: np.ndarray
    estimate: Estimate


@dataclass(frozen=True)
class Options:
    """What is computed and drawn of a figure's scores."""

    statistic: str = ""
    """A name in ``aggregate.STATISTICS``; empty for the interquartile mean, of plain returns the mean."""
    repetitions: int = aggregate.REPETITIONS
    """Of the bootstrap."""
    profiles: bool = False
    """Draw performance profiles, too."""
    improvement: bool = False
    """Draw probabilities of improvement, too."""
    differences: bool = False
    """Write the differences to the first arm, seed by seed, too."""

    def check(self, figure: Figure) -> None:
        """Checks that the figure's scores have the statistic.

        Raises:
          UserError: it is the optimality gap, and the figure shows returns, which have no score of 1.
        """
        if self.statistic == "optimality_gap" and (figure.each_task or not figure.normalised):
            raise UserError(
                f"--statistic=optimality_gap needs normalised scores, and figure {figure.number} is of "
                "returns: take iqm, median or mean"
            )

    def name(self, subplot: Subplot) -> str:
        """Returns the statistic of a subplot."""
        return self.statistic or ("iqm" if subplot.normalised else "mean")


def estimate(subplot: Subplot, options: Options) -> list[GroupEstimate]:
    """Returns an estimate for every group of a subplot, over training if that is its x axis."""
    part = slice(None) if subplot.panel.x in TIME_AXES else slice(-1, None)
    return [
        GroupEstimate(
            group,
            group.frames[part],
            aggregate.estimate(
                group.scores[..., part], options.name(subplot), repetitions=options.repetitions
            ),
        )
        for group in subplot.groups
    ]


def rows(
    subplot: Subplot, estimates: list[GroupEstimate], figure: Figure, options: Options
) -> Iterator[dict[str, object]]:
    """Yields a CSV row for every point of every group."""
    for each in estimates:
        numbers = zip(each.frames, each.estimate.value, each.estimate.low, each.estimate.high, strict=True)
        for frames, value, low, high in numbers:
            yield {
                "panel": subplot.title,
                "arm": each.group.arm,
                "value": each.group.value,
                "frames": int(frames),
                "statistic": options.name(subplot),
                "estimate": float(value),
                **_interval(low, high),
                "games": len(each.group.tasks),
                "seeds": each.group.seeds,
                "seeds_planned": figure.seeds,
                "repetitions": options.repetitions,
            }


def run_rows(scores: FigureScores) -> Iterator[dict[str, object]]:
    """Yields a CSV row for every run of a figure: its state, and whether it counts."""
    counted = {id(run) for subplot in scores.subplots for group in subplot.groups for run in group.runs}
    for run in scores.runs:
        plan, scale = run.plan, scores.scales.get(run.plan.task)
        row: dict[str, object] = {
            "panel": plan.panel,
            "arm": plan.arm,
            "value": plan.value,
            "game": plan.task,
            "seed": plan.seed,
            "state": run.state,
            "counted": "yes" if id(run) in counted else "no",
            "run": run.directory,
        }
        if len(run.frames):
            row |= {"frames": int(run.frames[-1])}
            if np.isfinite(run.returns[-1]):
                row |= {"final_return": float(run.returns[-1])}
                if scale and run.state == DONE:
                    row |= {"scale_zero": scale.zero, "scale_one": scale.one}
                    row |= {"final_score": float(scale(run.returns[-1:])[0])}
        yield row


def sentence(subplot: Subplot, each: GroupEstimate, options: Options) -> str:
    """Returns a line about a group's last point, such as ``DQN, Dense, width 3: iqm 1.2 [1.0, 1.5]``."""
    group, numbers = each.group, each.estimate
    interval = f" [{numbers.low[-1]:.4g}, {numbers.high[-1]:.4g}]" if np.isfinite(numbers.low[-1]) else ""
    games = f"{len(group.tasks)} games x " if len(group.tasks) > 1 else ""
    seeds = f"{group.seeds} seed{'s' if group.seeds > 1 else ''}"
    label = subplot.label(group.arm, group.value)
    return f"{label}: {options.name(subplot)} {numbers.value[-1]:.4g}{interval} ({games}{seeds})"


def profiles(subplot: Subplot) -> list[tuple[ScoreGroup, np.ndarray, Estimate]]:
    """Returns (group, thresholds, share of runs whose final score is above each) for every group.

    The thresholds go from 0, or from the lowest score below it, to the highest.
    """
    if not subplot.groups:
        return []
    finals = np.concatenate([group.scores[..., -1].ravel() for group in subplot.groups])
    thresholds = np.linspace(min(0.0, finals.min()), finals.max(), THRESHOLDS)
    return [
        (group, thresholds, aggregate.profile(group.scores[..., -1], thresholds)) for group in subplot.groups
    ]


def improvements(subplot: Subplot, options: Options) -> list[tuple[ScoreGroup, ScoreGroup, Estimate]]:
    """Returns (group, first arm's group, probability that the former has the higher final score).

    At every value of the varied flag; the first arm of a panel is the dense one.
    """
    return [
        (
            group,
            first,
            aggregate.improvement(
                group.scores[..., -1], first.scores[..., -1], repetitions=options.repetitions
            ),
        )
        for group, first in _pairs(subplot)
    ]


def differences(subplot: Subplot) -> Subplot:
    """Returns the subplot of final scores minus the first arm's, game by game and seed by seed.

    A seed that does not count for one of the two arms counts for neither.
    """
    groups = []
    for group, first in _pairs(subplot):
        finals, first_finals = _finals(group), _finals(first)
        seeds = [sorted(finals[task].keys() & first_finals[task].keys()) for task in group.tasks]
        count = min(map(len, seeds))
        if not count:
            continue
        columns = [
            [finals[task][seed] - first_finals[task][seed] for seed in shared[:count]]
            for task, shared in zip(group.tasks, seeds, strict=True)
        ]
        scores = np.array(columns).T[..., None]
        arm = f"{group.arm} less {first.arm}"
        groups.append(dataclasses.replace(group, arm=arm, frames=group.frames[-1:], scores=scores))
    return dataclasses.replace(subplot, groups=tuple(groups))


def comparison_rows(
    subplot: Subplot,
    group: ScoreGroup,
    numbers: Estimate,
    *,
    over: str = "",
    thresholds: np.ndarray | None = None,
) -> Iterator[dict[str, object]]:
    """Yields the CSV rows of a profile (with ``thresholds``) or an improvement (``over`` an arm)."""
    places = [None] if thresholds is None else thresholds.tolist()
    for threshold, value, low, high in zip(places, numbers.value, numbers.low, numbers.high, strict=True):
        yield {
            "panel": subplot.title,
            "arm": group.arm,
            "value": group.value,
            "over": over,
            "threshold": threshold,
            "estimate": float(value),
            **_interval(low, high),
            "games": len(group.tasks),
            "seeds": group.seeds,
        }


def _pairs(subplot: Subplot) -> Iterator[tuple[ScoreGroup, ScoreGroup]]:
    """Yields every group of the other arms with the first arm's group at the same value."""
    first_arm = subplot.panel.arms[0].label
    first = {group.value: group for group in subplot.groups if group.arm == first_arm}
    for group in subplot.groups:
        if group.arm != first_arm and group.value in first:
            yield group, first[group.value]


def _finals(group: ScoreGroup) -> dict[str, dict[int, float]]:
    """Returns {task: {seed: final score}}."""
    finals: dict[str, dict[int, float]] = {task: {} for task in group.tasks}
    for run, score in zip(group.runs, group.scores[..., -1].ravel(), strict=True):
        finals[run.plan.task][run.plan.seed] = float(score)
    return finals


def _interval(low: float, high: float) -> dict[str, object]:
    """Returns the ends of an interval; nothing for a single run, which has none."""
    return {"low": float(low), "high": float(high)} if np.isfinite(low) else {}
