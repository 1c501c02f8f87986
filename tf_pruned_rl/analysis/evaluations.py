"""Draws evaluation returns: one panel per task, the mean over seeds in bold, each seed behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from tf_pruned_rl.analysis import curves
from tf_pruned_rl.analysis.results import Run, evaluations
from tf_pruned_rl.errors import UserError

_COLUMNS = ("run", "agent", "network", "game", "pruned_to", "seed", "frames", "mean_return")


@dataclass(frozen=True)
class Group:
    """The runs of one setting, which differ in their seeds alone."""

    label: str
    game: str
    runs: tuple[Run, ...]

    def mean(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns frames int64 [n] and mean returns float64 [n] over the seeds, where all have been."""
        found = [evaluations(run) for run in self.runs]
        common = sorted(set.intersection(*(set(each.frames.tolist()) for each in found)))
        values = [each.mean_return[np.isin(each.frames, common)] for each in found]
        return np.array(common, np.int64), np.mean(values, axis=0) if common else np.array([])


def evaluated(runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """Returns the runs that have been evaluated, and a sentence for each that has not, or not yet.

    Raises:
      UserError: none has.
    """
    found = [run for run in runs if len(evaluations(run).frames)]
    told = [f"{run.directory} holds no evaluation" for run in runs if run not in found]
    if not found:
        raise UserError(f"{told[0]}: run it with --eval_every, or give --returns=training")
    return found, [f"not drawn: {sentence} yet" for sentence in told]


def groups(runs: Sequence[Run]) -> list[Group]:
    """Puts the runs of one name together, in the order of their first; each must have been evaluated."""
    names = dict.fromkeys(run.name() for run in runs)
    found = [(name, tuple(run for run in runs if run.name() == name)) for name in names]
    return [Group(name, members[0].game, members) for name, members in found]


def verdict(group: Group) -> str:
    """Returns one sentence: the last evaluation of all seeds.

    For example ``SAC HalfCheetah-v5 mlp dense: 4,100 after 100,000 steps (seeds: 4,000, 4,200)``.
    """
    frames, mean = group.mean()
    if not len(frames):
        return f"{group.label}: its seeds have no evaluation at the same time yet"
    last = [evaluations(run) for run in group.runs]
    each = ", ".join(f"{one.mean_return[one.frames == frames[-1]][0]:,.4g}" for one in last)
    seeds = f" (seeds: {each})" if len(group.runs) > 1 else ""
    return f"{group.label}: {mean[-1]:,.4g} after {frames[-1]:,} {group.runs[0].unit}{seeds}"


def draw(drawn: Sequence[Group], title: str = "") -> Figure:
    """Returns the figure: a panel per task; the mean with dots, hollow where pruned, seeds in fine lines."""
    games = list(dict.fromkeys(group.game for group in drawn))
    figure = Figure(figsize=(1.0 + 4.6 * len(games), 4.2), layout="constrained")
    panels = figure.subplots(1, len(games), squeeze=False)[0]
    labels = list(dict.fromkeys(_short(group) for group in drawn))
    for axes, game in zip(panels, games, strict=True):
        here = [group for group in drawn if group.game == game]
        for group in here:
            _draw(axes, group, curves.COLOURS[labels.index(_short(group)) % len(curves.COLOURS)])
        axes.grid(axis="y", color=curves.PALE, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.set_title(game, loc="left", weight="bold")
        axes.set_xlabel(here[0].runs[0].unit)
        axes.set_xlim(left=0)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.legend(frameon=False, loc="upper left")
    panels[0].set_ylabel("mean evaluation return")
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


def save(drawn: Sequence[Group], out: Path, title: str = "") -> Path:
    """Writes the figure to ``out`` and its numbers to a CSV beside it; as ``curves.save``."""
    return curves.write(out, lambda: draw(drawn, title), _COLUMNS, _rows(drawn))


def _short(group: Group) -> str:
    return group.label.replace(f" {group.game}", "")


def _draw(axes: Axes, group: Group, colour: str) -> None:
    dense = group.runs[0].density() == "dense"
    if len(group.runs) > 1:
        for run in group.runs:
            found = evaluations(run)
            axes.plot(found.frames, found.mean_return, color=colour, linewidth=0.8, alpha=0.5)
    frames, mean = group.mean()
    seeds = f" ({len(group.runs)} seeds)" if len(group.runs) > 1 else ""
    axes.plot(
        frames,
        mean,
        color=colour,
        linewidth=1.8,
        linestyle="-" if dense else (0.0, (3.5, 1.4)),
        marker="o",
        markersize=4.5,
        markerfacecolor=colour if dense else "white",
        label=_short(group) + seeds,
    )


def _rows(drawn: Sequence[Group]) -> Iterator[dict[str, object]]:
    """Yields every evaluation of every run."""
    for group in drawn:
        for run in group.runs:
            found, config = evaluations(run), run.config
            for frames, mean in zip(found.frames, found.mean_return, strict=True):
                yield {
                    "run": run.directory,
                    **{name: config[name] for name in ("agent", "network")},
                    "game": run.game,
                    "pruned_to": 0 if run.density() == "dense" else config["sparsity"],
                    "seed": config.get("seed"),
                    "frames": frames,
                    "mean_return": float(mean),
                }
