"""Draws evaluation returns: a panel per task, the mean over seeds in bold, each seed behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tf_pruned_rl.analysis import plotting
from tf_pruned_rl.analysis.results import Returns, RunResult, returns
from tf_pruned_rl.errors import UserError

_COLUMNS = ("run", "agent", "network", "game", "pruned_to", "seed", "frames", "mean_return")


@dataclass(frozen=True)
class SeedGroup:
    """The runs of one setting, which differ in their seeds alone."""

    name: str
    """As ``RunResult.name``."""
    runs: tuple[RunResult, ...]

    @property
    def game(self) -> str:
        """Game or task."""
        return self.runs[0].game

    @property
    def label(self) -> str:
        """The name without the game, for the legend of a panel."""
        return self.name.replace(f" {self.game}", "")

    def mean(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns frames int64 [n] and mean returns float64 [n] at the evaluations that all seeds have."""
        seeds = [_evaluations(run) for run in self.runs]
        common = sorted(set.intersection(*(set(seed.frames.tolist()) for seed in seeds)))
        values = [seed.mean_return[np.isin(seed.frames, common)] for seed in seeds]
        return np.array(common, np.int64), np.mean(values, axis=0) if common else np.array([])


def with_evaluations(runs: Sequence[RunResult]) -> tuple[list[RunResult], list[str]]:
    """Returns the runs with evaluations, and a sentence for each of the others.

    Raises:
      UserError: no run has any.
    """
    drawn = [run for run in runs if len(_evaluations(run).frames)]
    sentences = [f"{run.directory} holds no evaluation" for run in runs if run not in drawn]
    if not drawn:
        raise UserError(f"{sentences[0]}: run it with --eval_every, or give --returns=training")
    return drawn, [f"not drawn: {sentence} yet" for sentence in sentences]


def groups(runs: Sequence[RunResult]) -> list[SeedGroup]:
    """Groups runs by name, in the order of their first; each must have evaluations."""
    names = dict.fromkeys(run.name() for run in runs)
    return [SeedGroup(name, tuple(run for run in runs if run.name() == name)) for name in names]


def verdict(group: SeedGroup) -> str:
    """Returns a sentence about the last evaluation that all seeds have.

    For example ``SAC HalfCheetah-v5 mlp dense: 4,100 after 100,000 steps (seeds: 4,000, 4,200)``.
    """
    frames, mean = group.mean()
    if not len(frames):
        return f"{group.name}: its seeds have no evaluation at the same time yet"
    seeds = [_evaluations(run) for run in group.runs]
    finals = ", ".join(f"{seed.mean_return[seed.frames == frames[-1]][0]:,.4g}" for seed in seeds)
    detail = f" (seeds: {finals})" if len(seeds) > 1 else ""
    return f"{group.name}: {mean[-1]:,.4g} after {frames[-1]:,} {group.runs[0].unit}{detail}"


def draw(groups: Sequence[SeedGroup], title: str = "") -> Figure:
    """Returns the figure: a panel per task; the mean with dots, hollow if pruned; seeds in fine lines."""
    games = list(dict.fromkeys(group.game for group in groups))
    figure = Figure(figsize=(1.0 + 4.6 * len(games), 4.2), layout="constrained")
    panels = figure.subplots(1, len(games), squeeze=False)[0]
    labels = list(dict.fromkeys(group.label for group in groups))
    for axes, game in zip(panels, games, strict=True):
        of_game = [group for group in groups if group.game == game]
        for group in of_game:
            _draw(axes, group, plotting.colour(labels.index(group.label)))
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        axes.set_title(game, loc="left", weight="bold")
        axes.set_xlabel(of_game[0].runs[0].unit)
        axes.set_xlim(left=0)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(plotting.thousands())
        axes.legend(frameon=False, loc="upper left")
    panels[0].set_ylabel("mean evaluation return")
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


def save(groups: Sequence[SeedGroup], out: Path, title: str = "") -> Path:
    """Writes the figure to ``out`` and its numbers to a CSV beside it, as ``curves.save``."""
    return plotting.write(out, lambda: draw(groups, title), _COLUMNS, _rows(groups))


def _evaluations(run: RunResult) -> Returns:
    return returns(run, "evaluation")


def _draw(axes: Axes, group: SeedGroup, colour: str) -> None:
    dense = group.runs[0].dense
    if len(group.runs) > 1:
        for run in group.runs:
            seed = _evaluations(run)
            axes.plot(seed.frames, seed.mean_return, color=colour, linewidth=0.8, alpha=0.5)
    seeds = f" ({len(group.runs)} seeds)" if len(group.runs) > 1 else ""
    axes.plot(
        *group.mean(),
        color=colour,
        linewidth=1.8,
        linestyle="-" if dense else plotting.DASHES,
        marker="o",
        markersize=4.5,
        markerfacecolor=colour if dense else "white",
        label=group.label + seeds,
    )


def _rows(groups: Sequence[SeedGroup]) -> Iterator[dict[str, object]]:
    """Yields a CSV row for every evaluation of every run."""
    for group in groups:
        for run in group.runs:
            evaluations = _evaluations(run)
            for frames, mean in zip(evaluations.frames, evaluations.mean_return, strict=True):
                yield {
                    "run": run.directory,
                    "agent": run.config["agent"],
                    "network": run.config["network"],
                    "game": run.game,
                    "pruned_to": 0 if run.dense else run.config["sparsity"],
                    "seed": run.config.get("seed"),
                    "frames": frames,
                    "mean_return": float(mean),
                }
