"""The statistics of a figure's scores, and their numbers as rows of a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tf_pruned_rl.analysis import aggregate
from tf_pruned_rl.analysis.aggregate import Estimate
from tf_pruned_rl.analysis.figures.scores import DONE, Axes, Group, Scores, group_label
from tf_pruned_rl.analysis.figures.spec import TIME_AXES, Figure
from tf_pruned_rl.errors import UserError

NAMES = {
    "iqm": "interquartile mean",
    "median": "median over games",
    "mean": "mean",
    "optimality_gap": "optimality gap",
}
"""{statistic: how it is called}."""
COLUMNS = (
    *("panel", "arm", "value", "frames", "statistic", "estimate", "low", "high", "games", "seeds"),
    *("seeds_planned", "repetitions"),
)
RUN_COLUMNS = (
    *("panel", "arm", "value", "game", "seed", "state", "counted", "run", "frames", "final_return"),
    *("scale_zero", "scale_one", "final_score"),
)
COMPARISON_COLUMNS = (
    "panel",
    "arm",
    "value",
    "over",
    "threshold",
    "estimate",
    "low",
    "high",
    "games",
    "seeds",
)
THRESHOLDS = 101
"""Points of a performance profile."""


@dataclass(frozen=True)
class Shown:
    """A group as it is drawn: an estimate at every point, or at the last alone."""

    group: Group
    frames: np.ndarray
    estimate: Estimate


@dataclass(frozen=True)
class Statistics:
    """What is computed, and how."""

    asked: str
    """A name in ``aggregate.STATISTICS``; empty takes the interquartile mean, of plain returns the mean."""
    repetitions: int

    @classmethod
    def of(cls, figure: Figure, statistic: str, repetitions: int) -> Statistics:
        """Returns what was asked for, where it can be had.

        Raises:
          UserError: an optimality gap is asked of returns, which have no score of 1.
        """
        if statistic == "optimality_gap" and (figure.each_task or not figure.normalised):
            raise UserError(
                f"--statistic=optimality_gap needs normalised scores, and figure {figure.number} is of "
                "returns: take iqm, median or mean"
            )
        return cls(statistic, repetitions)

    def name(self, axes: Axes) -> str:
        """Returns the statistic of a pair of axes."""
        return self.asked or ("iqm" if axes.normalised else "mean")


def estimated(axes: Axes, how: Statistics) -> list[Shown]:
    """Returns the estimates of every group of a pair of axes, over training where that is its x axis."""
    shown = []
    for group in axes.groups:
        part = slice(None) if axes.panel.x in TIME_AXES else slice(-1, None)
        scores = group.scores[..., part]
        found = aggregate.estimate(scores, how.name(axes), repetitions=how.repetitions)
        shown.append(Shown(group, group.frames[part], found))
    return shown


def rows(axes: Axes, shown: list[Shown], figure: Figure, how: Statistics) -> Iterator[dict[str, object]]:
    """Yields a row for every point of every group."""
    for each in shown:
        numbers = zip(each.frames, each.estimate.value, each.estimate.low, each.estimate.high, strict=True)
        for frames, value, low, high in numbers:
            yield {
                "panel": axes.title,
                "arm": each.group.arm,
                "value": each.group.value,
                "frames": int(frames),
                "statistic": how.name(axes),
                "estimate": float(value),
                **_interval(low, high),
                "games": len(each.group.tasks),
                "seeds": each.group.seeds,
                "seeds_planned": figure.seeds,
                "repetitions": how.repetitions,
            }


def run_rows(scores: Scores) -> Iterator[dict[str, object]]:
    """Yields a row for every place in a figure: its run, how it stands, and whether it counts."""
    counted = {id(one.place) for axes in scores.axes for group in axes.groups for one in group.used}
    for one in scores.seen:
        place, scale = one.place, scores.scales.get(one.place.task)
        row: dict[str, object] = {
            "panel": place.panel,
            "arm": place.arm,
            "value": place.value,
            "game": place.task,
            "seed": place.seed,
            "state": one.state,
            "counted": "yes" if id(place) in counted else "no",
            "run": one.directory,
        }
        if len(one.frames):
            row |= {"frames": int(one.frames[-1])}
            if np.isfinite(one.returns[-1]):
                row |= {"final_return": float(one.returns[-1])}
                if scale and one.state == DONE:
                    row |= {"scale_zero": scale.zero, "scale_one": scale.one}
                    row |= {"final_score": float(scale(one.returns[-1:])[0])}
        yield row


def sentence(axes: Axes, shown: Shown, how: Statistics) -> str:
    """Returns one line about a group's last point, such as ``DQN, Dense, width 3: iqm 1.2 [1.0, 1.5]``."""
    group, found = shown.group, shown.estimate
    between = f" [{found.low[-1]:.4g}, {found.high[-1]:.4g}]" if np.isfinite(found.low[-1]) else ""
    games = f"{len(group.tasks)} game{'s' if len(group.tasks) > 1 else ''} x "
    seeds = f"{group.seeds} seed{'s' if group.seeds > 1 else ''}"
    label = group_label(axes.title, axes.panel, group.arm, group.value)
    counted = seeds if len(group.tasks) == 1 else games + seeds
    return f"{label}: {how.name(axes)} {found.value[-1]:.4g}{between} ({counted})"


def thresholds(axes: Axes) -> np.ndarray:
    """Returns the scores at which a performance profile is taken, from 0 (or the lowest) to the highest."""
    finals = np.concatenate([group.scores[..., -1].ravel() for group in axes.groups])
    return np.linspace(min(0.0, finals.min()), finals.max(), THRESHOLDS)


def profiles(axes: Axes) -> list[tuple[Group, np.ndarray, Estimate]]:
    """Returns (group, thresholds, shares of runs whose final score is above each) of a pair of axes."""
    if not axes.groups:
        return []
    taus = thresholds(axes)
    return [(group, taus, aggregate.profile(group.scores[..., -1], taus)) for group in axes.groups]


def improvements(axes: Axes, how: Statistics) -> list[tuple[Group, Group, Estimate]]:
    """Returns (group, first arm's group, probability that the former's final score is the higher).

    At every value of the flag that varies; the first arm of a panel is the dense one.
    """
    found = []
    for group, other in _beside_the_first(axes):
        pair = group.scores[..., -1], other.scores[..., -1]
        found.append((group, other, aggregate.improvement(*pair, repetitions=how.repetitions)))
    return found


def differences(axes: Axes) -> Axes:
    """Returns the axes of final scores less those of the first arm, game by game and seed by seed.

    A seed that does not count for one of the two counts for neither.
    """
    found = []
    for group, other in _beside_the_first(axes):
        ours, theirs = _finals(group), _finals(other)
        pairs = [sorted(ours[task].keys() & theirs[task].keys()) for task in group.tasks]
        columns = [
            [ours[task][seed] - theirs[task][seed] for seed in seeds[: min(map(len, pairs))]]
            for task, seeds in zip(group.tasks, pairs, strict=True)
        ]
        if columns[0]:
            scores = np.array(columns).T[..., None]
            arm = f"{group.arm} less {other.arm}"
            found.append(dataclasses.replace(group, arm=arm, frames=group.frames[-1:], scores=scores))
    return dataclasses.replace(axes, groups=tuple(found))


def _beside_the_first(axes: Axes) -> Iterator[tuple[Group, Group]]:
    """Yields every group of the other arms, and the first arm's at the same value."""
    first = {group.value: group for group in axes.groups if group.arm == axes.panel.arms[0].label}
    for group in axes.groups:
        other = first.get(group.value)
        if other is not None and other is not group:
            yield group, other


def _finals(group: Group) -> dict[str, dict[int, float]]:
    """Returns {task: {seed: final score}}."""
    finals: dict[str, dict[int, float]] = {task: {} for task in group.tasks}
    for one, score in zip(group.used, group.scores[..., -1].ravel(), strict=True):
        finals[one.place.task][one.place.seed] = float(score)
    return finals


def comparison_rows(
    axes: Axes, group: Group, found: Estimate, *, over: str = "", taus: np.ndarray | None = None
) -> Iterator[dict[str, object]]:
    """Yields the rows of a profile (``taus``), or of an improvement (``over`` an arm)."""
    places = [None] if taus is None else taus.tolist()
    for threshold, value, low, high in zip(places, found.value, found.low, found.high, strict=True):
        yield {
            "panel": axes.title,
            "arm": group.arm,
            "value": group.value,
            "over": over,
            "threshold": threshold,
            "estimate": float(value),
            **_interval(low, high),
            "games": len(group.tasks),
            "seeds": group.seeds,
        }


def _interval(low: float, high: float) -> dict[str, object]:
    """Returns the ends of an interval; nothing where a single run has none."""
    return {"low": float(low), "high": float(high)} if np.isfinite(low) else {}
