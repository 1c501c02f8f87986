"""The scores of a figure: from the run directories of a sweep to arrays [seeds, tasks, points]."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tf_pruned_rl import config as configuration
from tf_pruned_rl.analysis import results
from tf_pruned_rl.analysis.figures.spec import Figure, Panel, PlannedRun
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.config import units
from tf_pruned_rl.environments import games
from tf_pruned_rl.errors import UserError

DONE, MISSING, UNFINISHED, EMPTY = "done", "missing", "unfinished", "without a finished episode"
"""States of a run. Only runs that are done count."""
_MAX_LISTED = 6
"""Runs that a note lists one by one."""


@dataclass(frozen=True)
class FigureRun:
    """A run of a figure and what it has recorded."""

    plan: PlannedRun
    directory: Path
    state: str
    result: results.RunResult | None = None
    """None where the run is missing."""
    frames: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    """int64 [n], frames (or steps) at its points: the ends of its iterations, or its evaluations."""
    returns: np.ndarray = field(default_factory=lambda: np.empty(0))
    """float64 [n]. A point without a finished episode repeats the point before; NaN where there is none."""


@dataclass(frozen=True)
class Scale:
    """The returns that count as scores 0 and 1 in a game."""

    zero: float = 0.0
    one: float = 1.0

    def __call__(self, returns: np.ndarray) -> np.ndarray:
        """Returns the scores of returns."""
        return (returns - self.zero) / (self.one - self.zero)


@dataclass(frozen=True)
class ScoreGroup:
    """The scores of one arm in a subplot, at one value of the flag that the panel varies."""

    arm: str
    value: float | None
    tasks: tuple[str, ...]
    frames: np.ndarray
    """int64 [points], where all its runs have a score."""
    scores: np.ndarray
    """float64 [seeds, tasks, points]."""
    runs: tuple[FigureRun, ...]
    """The runs behind the scores, in the order [seeds, tasks]."""

    @property
    def seeds(self) -> int:
        """The number of runs of every task."""
        return len(self.scores)


@dataclass(frozen=True)
class Subplot:
    """One pair of axes: a panel with all its tasks, or one task of a panel with plain returns."""

    title: str
    panel: Panel
    normalised: bool
    """Whether scores are normalised; otherwise they are returns."""
    groups: tuple[ScoreGroup, ...] = ()
    """In the order of arms and values; a group without a finished run is absent."""

    def label(self, arm: str, value: float | None) -> str:
        """Returns the name of a group, such as ``DQN, Dense, width 3``."""
        return ", ".join(part for part in (self.title, arm, self.panel.value_label(value)) if part)


@dataclass(frozen=True)
class FigureScores:
    """Everything that a figure of scores shows."""

    figure: Figure
    runs: tuple[FigureRun, ...]
    scales: Mapping[str, Scale]
    """By task; a task without a scale is left out of the figure."""
    subplots: tuple[Subplot, ...]
    notes: tuple[str, ...]
    """A sentence for everything that is missing or left out, and why."""


def read(figure: Figure, directory: Path) -> tuple[FigureRun, ...]:
    """Reads every run of a figure from a sweep's folder, each configuration once.

    Raises:
      UserError: there is no such folder, or a run directory is damaged.
    """
    if not directory.is_dir():
        raise UserError(
            f"no folder of runs at {directory}: make them by experiments/sweep.py --runs={directory}"
        )
    by_id: dict[str, FigureRun] = {}
    runs = []
    for plan in figure.runs():
        if plan.run_id not in by_id:
            by_id[plan.run_id] = _read(figure, plan, _directory(directory, plan))
        runs.append(dataclasses.replace(by_id[plan.run_id], plan=plan))
    return tuple(runs)


def collect(figure: Figure, directory: Path) -> FigureScores:
    """Returns the scores of a figure's runs, and notes about the runs that do not count.

    A subplot compares its arms on the same tasks: those for which every arm with any finished run has a
    finished run. An arm has as many seeds as its task with the fewest.

    Raises:
      UserError: as ``read``.
    """
    runs = read(figure, directory)
    scales = _scales(figure, runs)
    unscaled = [task for task in figure.tasks if task not in scales]
    notes = [f"without a human score, and left out: {', '.join(unscaled)}"] if unscaled else []
    subplots = []
    for panel in figure.panels:
        if figure.normalised:
            tasks = tuple(task for task in figure.tasks if task in scales)
            whole = Subplot(panel.title, panel, True)
            subplot, sentences = _with_groups(whole, figure, tasks, scales, runs)
            subplots.append(subplot)
            notes += sentences
        if figure.each_task or not figure.normalised:
            for task in figure.tasks:
                title = task if len(figure.panels) == 1 else f"{panel.title}, {task}"
                single = Subplot(title, panel, False)
                subplot, sentences = _with_groups(single, figure, (task,), {task: Scale()}, runs)
                subplots.append(subplot)
                # The subplot of all tasks has noted the same runs already.
                notes += sentences if not figure.normalised else []
    return FigureScores(figure, runs, scales, tuple(subplots), tuple(notes))


def incomplete(runs: Sequence[FigureRun]) -> str:
    """Returns a note about the runs of a group that do not count; empty where all count."""
    others = [run for run in runs if run.state != DONE]
    if not others:
        return ""
    if all(run.state == MISSING for run in runs):
        return f"all {len(runs)} runs are missing"
    reasons = [f"{run.plan.task} seed {run.plan.seed} is {_state(run)}" for run in others[:_MAX_LISTED]]
    more = f"; and {len(others) - _MAX_LISTED} more" if len(others) > _MAX_LISTED else ""
    return f"{len(others)} of {len(runs)} runs do not count: {'; '.join(reasons)}{more}"


def _directory(sweep: Path, plan: PlannedRun) -> Path:
    """Returns the directory of a run: by its name, or by the name that an earlier version gave it.

    A name ends in a hash of all fields, so a new field changes it. An older run without that field is
    the same run if the field now has its default.
    """
    path = sweep / plan.name
    if path.exists():
        return path
    flat, defaults = configuration.flatten(plan.config), configuration.flatten(type(plan.config)())
    for other in sorted(sweep.glob(f"{plan.name.rpartition('-')[0]}-*/config.json")):
        try:
            written = json.loads(other.read_text())
        except (OSError, ValueError):
            continue
        same = all(
            name in config_io.IGNORED_IN_IDENTITY or flat.get(name) == value
            for name, value in written.items()
        )
        if same and all(flat[name] == defaults[name] for name in flat.keys() - written.keys()):
            return other.parent
    return path


def _read(figure: Figure, plan: PlannedRun, path: Path) -> FigureRun:
    if not (path / "config.json").exists():
        return FigureRun(plan, path, MISSING)
    result = results.load_run(path)
    returns = results.returns(result, figure.score)
    frames = returns.frames
    if figure.score == "iteration":
        frames = (returns.index + 1) * result.config["iteration_frames"]
    state = DONE if (path / "summary.json").exists() else UNFINISHED
    if state == DONE and not np.isfinite(returns.mean_return).any():
        state = EMPTY
    return FigureRun(plan, path, state, result, frames, _fill_forward(returns.mean_return))


def _fill_forward(values: np.ndarray) -> np.ndarray:
    """Returns float64 [n] with every NaN replaced by the last number before it, if there is one."""
    last = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(len(values)), -1))
    return np.where(last >= 0, values[last], np.nan) if len(values) else values


def _scales(figure: Figure, runs: Sequence[FigureRun]) -> dict[str, Scale]:
    """Returns the scale of every task that has one."""
    if not figure.normalised:
        return dict.fromkeys(figure.tasks, Scale())
    if figure.common.get("suite") == "minatar":
        return {task: _random_to_best(task, runs) for task in figure.tasks}
    human = {task: games.SCORES.get(task) for task in figure.tasks}
    return {task: Scale(*scores) for task, scores in human.items() if scores}


def _random_to_best(task: str, runs: Sequence[FigureRun]) -> Scale:
    """Returns 0 for random play and 1 for the best final return of the figure's runs.

    MinAtar has no human scores. If no run beats random play, one point of return is a score of 1.
    """
    random = games.MINATAR[task].random
    finals = [run.returns[-1] for run in runs if run.plan.task == task and run.state == DONE]
    best = max(finals, default=random)
    return Scale(random, best if best > random else random + 1.0)


def _with_groups(
    subplot: Subplot,
    figure: Figure,
    tasks: Sequence[str],
    scales: Mapping[str, Scale],
    runs: Sequence[FigureRun],
) -> tuple[Subplot, list[str]]:
    """Returns the subplot with its groups, and the notes about it."""
    panel = subplot.panel
    keys = [(arm.label, value) for arm in panel.arms for value in (panel.values or (None,))]
    planned: dict[tuple[str, float | None], list[FigureRun]] = {key: [] for key in keys}
    for run in runs:
        if run.plan.panel == panel.title and run.plan.task in tasks:
            planned[run.plan.arm, run.plan.value].append(run)
    notes = [f"{subplot.label(*key)}: {note}" for key in keys if (note := incomplete(planned[key]))]
    done = {
        key: {
            task: [run for run in planned[key] if run.plan.task == task and run.state == DONE]
            for task in tasks
        }
        for key in keys
    }
    started = [key for key in keys if any(done[key].values())]
    shared = tuple(task for task in tasks if all(done[key][task] for key in started))
    if started and (others := [task for task in tasks if task not in shared]):
        notes.append(
            f"{subplot.title}: not done by every arm, and left out for all of them: {', '.join(others)}"
        )
    groups = [_group(*key, done[key], shared, scales) for key in started] if shared else []
    notes += [
        f"{subplot.label(group.arm, group.value)}: {group.seeds} of {figure.seeds} seeds"
        for group in groups
        if group.seeds < figure.seeds
    ]
    return dataclasses.replace(subplot, groups=tuple(groups)), notes


def _group(
    arm: str,
    value: float | None,
    done: Mapping[str, Sequence[FigureRun]],
    tasks: tuple[str, ...],
    scales: Mapping[str, Scale],
) -> ScoreGroup:
    """Returns the scores of the first seeds of every task, as many as the task with the fewest has."""
    seeds = min(len(done[task]) for task in tasks)
    table = [[done[task][seed] for task in tasks] for seed in range(seeds)]
    runs = tuple(run for row in table for run in row)
    frames = np.array(sorted(set.intersection(*(set(run.frames.tolist()) for run in runs))), np.int64)
    scores = np.array(
        [[scales[run.plan.task](run.returns[np.isin(run.frames, frames)]) for run in row] for row in table]
    )
    finite = np.isfinite(scores).all(axis=(0, 1))
    return ScoreGroup(arm, value, tasks, frames[finite], scores[..., finite], runs)


def _state(run: FigureRun) -> str:
    if run.state != UNFINISHED:
        return run.state
    frames = int(run.frames[-1]) if len(run.frames) else 0
    return f"unfinished ({frames:,} of {units.length(run.plan.config):,} {run.plan.config.kind.unit})"
