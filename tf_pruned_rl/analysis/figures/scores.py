"""The scores behind a figure: from the run directories of a sweep to arrays [seeds, tasks, points]."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tf_pruned_rl import config as configuration
from tf_pruned_rl.analysis import results
from tf_pruned_rl.analysis.figures.spec import Figure, Panel, Run
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.config import units
from tf_pruned_rl.environments import games
from tf_pruned_rl.errors import UserError

DONE, MISSING, UNFINISHED, EMPTY = "done", "missing", "unfinished", "without a finished episode"
"""How a run of a figure stands. Only those that are done count."""
_NAMED = 6  # runs that a note lists before it says how many more there are


@dataclass(frozen=True)
class Seen:
    """What there is of one run of a figure."""

    place: Run
    directory: Path
    state: str
    data: results.Run | None = None
    """What it has written; None where it is missing."""
    frames: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    """int64 [n], frames (or steps) at its points: the ends of its iterations, or its evaluations."""
    returns: np.ndarray = field(default_factory=lambda: np.empty(0))
    """float64 [n]. Where no episode ended, as at the point before; NaN before the first that did."""


@dataclass(frozen=True)
class Scale:
    """What a score of 0 and a score of 1 stand for in a game."""

    zero: float = 0.0
    one: float = 1.0

    def __call__(self, returns: np.ndarray) -> np.ndarray:
        """Returns the scores of returns."""
        return (returns - self.zero) / (self.one - self.zero)


@dataclass(frozen=True)
class Group:
    """The scores of one line of a pair of axes, at one value of the flag it varies."""

    arm: str
    value: float | None
    tasks: tuple[str, ...]
    frames: np.ndarray
    """int64 [points], where all its runs have a score."""
    scores: np.ndarray
    """float64 [seeds, tasks, points]."""
    used: tuple[Seen, ...]
    """The runs, by task and seed."""

    @property
    def seeds(self) -> int:
        """How many runs there are of every task."""
        return len(self.scores)


@dataclass(frozen=True)
class Axes:
    """One pair of axes: a panel; or, where returns are not normalised, one task of it."""

    title: str
    panel: Panel
    normalised: bool
    """Whether scores are normalised; else they are returns."""
    groups: tuple[Group, ...]
    """In the order of arms and values; those without a run are not among them."""


@dataclass(frozen=True)
class Scores:
    """Everything that a figure of scores shows."""

    figure: Figure
    seen: tuple[Seen, ...]
    scales: Mapping[str, Scale]
    """By task; a task without a scale is left out."""
    axes: tuple[Axes, ...]
    notes: tuple[str, ...]
    """What is missing, or left out, and why: a sentence each."""


def read(figure: Figure, directory: Path) -> tuple[Seen, ...]:
    """Reads every run of a figure from a sweep's folder, each configuration once.

    Raises:
      UserError: there is no such folder, or a run directory is damaged.
    """
    if not directory.is_dir():
        raise UserError(
            f"no folder of runs at {directory}: make them by experiments/sweep.py --runs={directory}"
        )
    found: dict[str, Seen] = {}
    seen = []
    for place in figure.runs():
        if place.run_id not in found:
            found[place.run_id] = _read(figure, place, _place(directory, place))
        known = found[place.run_id]
        seen.append(Seen(place, known.directory, known.state, known.data, known.frames, known.returns))
    return tuple(seen)


def collect(figure: Figure, directory: Path) -> Scores:
    """Returns the scores of a figure's runs, and notes about those that do not count.

    Every pair of axes compares its arms on the same tasks: those of which each arm that is drawn has a
    run that is done. An arm has as many seeds as the task with the fewest.

    Raises:
      UserError: as ``read``.
    """
    seen = read(figure, directory)
    scales = _scales(figure, seen)
    unscaled = [task for task in figure.tasks if task not in scales]
    notes = [f"without a human score, and left out: {', '.join(unscaled)}"] if unscaled else []
    axes = []
    for panel in figure.panels:
        if figure.normalised:
            tasks = tuple(task for task in figure.tasks if task in scales)
            made, said = _axes(figure, Axes(panel.title, panel, True, ()), tasks, scales, seen)
            axes.append(made)
            notes += said
        if figure.each_task or not figure.normalised:
            for task in figure.tasks:
                title = task if len(figure.panels) == 1 else f"{panel.title}, {task}"
                empty = Axes(title, panel, False, ())
                made, said = _axes(figure, empty, (task,), {task: Scale()}, seen)
                axes.append(made)
                # What is missing of one task, all together have told.
                notes += said if not figure.normalised else []
    return Scores(figure, seen, scales, tuple(axes), tuple(notes))


def value_label(panel: Panel, value: float | None) -> str:
    """Returns ``width 3``, or nothing where the panel varies no flag."""
    return "" if value is None else f"{panel.varied.replace('_', ' ')} {value:g}"


def group_label(title: str, panel: Panel, arm: str, value: float | None) -> str:
    """Returns ``DQN, Dense, width 3``."""
    return ", ".join(part for part in (title, arm, value_label(panel, value)) if part)


def _place(directory: Path, place: Run) -> Path:
    """Returns the directory of a run: of its name, or one that an earlier version named otherwise.

    A name ends in a hash of all fields, so a new field changes it. A run without the field is the same
    run where the field is now at its default.
    """
    path = directory / place.name
    if path.exists():
        return path
    flat, defaults = configuration.flatten(place.config), configuration.flatten(type(place.config)())
    for other in sorted(directory.glob(f"{place.name.rpartition('-')[0]}-*/config.json")):
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


def _read(figure: Figure, place: Run, path: Path) -> Seen:
    if not (path / "config.json").exists():
        return Seen(place, path, MISSING)
    data = results.load_run(path)
    if figure.score == "evaluation":
        found = results.evaluations(data)
        frames = found.frames
    else:
        done = found = results.iterations(data)
        frames = (done.index + 1) * data.config["iteration_frames"]
    state = DONE if (path / "summary.json").exists() else UNFINISHED
    if state == DONE and not np.isfinite(found.mean_return).any():
        state = EMPTY
    return Seen(place, path, state, data, frames, _carried(found.mean_return))


def _carried(values: np.ndarray) -> np.ndarray:
    """Returns float64 [n] with every NaN replaced by the last number before it, if there is one."""
    last = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(len(values)), -1))
    return np.where(last >= 0, values[last], np.nan) if len(values) else values


def _scales(figure: Figure, seen: Sequence[Seen]) -> dict[str, Scale]:
    """Returns what scores are relative to, by task; not of tasks for which nobody knows it."""
    if not figure.normalised:
        return dict.fromkeys(figure.tasks, Scale())
    if figure.common.get("suite") == "minatar":
        return {task: _between_random_and_best(task, seen) for task in figure.tasks}
    known = {task: games.SCORES.get(task) for task in figure.tasks}
    return {task: Scale(*scores) for task, scores in known.items() if scores}


def _between_random_and_best(task: str, seen: Sequence[Seen]) -> Scale:
    """Returns 0 for random play and 1 for the best final score of the figure's runs: there is no human's.

    Where no run is better than random play, a score of 1 is one more than it.
    """
    random = games.MINATAR[task].random
    finals = [one.returns[-1] for one in seen if one.place.task == task and one.state == DONE]
    best = max(finals, default=random)
    return Scale(random, best if best > random else random + 1.0)


_Key = tuple[str, float | None]


def _axes(
    figure: Figure, empty: Axes, tasks: Sequence[str], scales: Mapping[str, Scale], seen: Sequence[Seen]
) -> tuple[Axes, list[str]]:
    """Returns a pair of axes with its groups, and the notes about it."""
    panel, title = empty.panel, empty.title
    keys: list[_Key] = [(arm.label, value) for arm in panel.arms for value in (panel.values or (None,))]
    mine: dict[_Key, list[Seen]] = {key: [] for key in keys}
    for one in seen:
        place = one.place
        if place.panel == panel.title and place.task in tasks:
            mine[place.arm, place.value].append(one)
    notes = [f"{group_label(title, panel, *key)}: {note}" for key in keys if (note := incomplete(mine[key]))]
    by_task = {
        key: {
            task: [one for one in mine[key] if one.place.task == task and one.state == DONE] for task in tasks
        }
        for key in keys
    }
    drawn = [key for key in keys if any(by_task[key].values())]
    shared = tuple(task for task in tasks if all(by_task[key][task] for key in drawn))
    if drawn and (left := [task for task in tasks if task not in shared]):
        notes.append(f"{title}: not done by every arm, and left out for all of them: {', '.join(left)}")
    groups = [_group(*key, by_task[key], shared, scales) for key in drawn] if shared else []
    notes += [
        f"{group_label(title, panel, group.arm, group.value)}: {group.seeds} of {figure.seeds} seeds"
        for group in groups
        if group.seeds < figure.seeds
    ]
    return dataclasses.replace(empty, groups=tuple(groups)), notes


def _group(
    arm: str,
    value: float | None,
    done: Mapping[str, Sequence[Seen]],
    tasks: tuple[str, ...],
    scales: Mapping[str, Scale],
) -> Group:
    """Returns the scores of the first seeds of every task, as many as the task with the fewest has."""
    seeds = min(len(done[task]) for task in tasks)
    table = [[done[task][seed] for task in tasks] for seed in range(seeds)]
    used = tuple(one for row in table for one in row)
    frames = np.array(sorted(set.intersection(*(set(one.frames.tolist()) for one in used))), np.int64)
    scores = np.array(
        [[scales[one.place.task](one.returns[np.isin(one.frames, frames)]) for one in row] for row in table]
    )
    known = np.isfinite(scores).all(axis=(0, 1))
    return Group(arm, value, tasks, frames[known], scores[..., known], used)


def incomplete(mine: Sequence[Seen]) -> str:
    """Returns what is said of the runs of a group that do not count; nothing where there are none."""
    lacking = [one for one in mine if one.state != DONE]
    if not lacking:
        return ""
    if all(one.state == MISSING for one in mine):
        return f"all {len(mine)} runs are missing"
    words = [f"{one.place.task} seed {one.place.seed} is {_state(one)}" for one in lacking[:_NAMED]]
    more = f"; and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
    return f"{len(lacking)} of {len(mine)} runs do not count: {'; '.join(words)}{more}"


def _state(one: Seen) -> str:
    if one.state != UNFINISHED:
        return one.state
    frames = int(one.frames[-1]) if len(one.frames) else 0
    return f"unfinished ({frames:,} of {units.length(one.place.config):,} {one.place.config.kind.unit})"
