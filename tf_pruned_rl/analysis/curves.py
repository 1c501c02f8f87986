"""Draws training returns against frames, over published bands, and says how each run compares."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import LineStyleType

from tf_pruned_rl.analysis import plotting, published
from tf_pruned_rl.analysis.results import RunResult, returns, series

_FEW = 12
"""Iterations up to which each is drawn as a bar."""
COLUMNS = (
    *("run", "agent", "network", "game", "pruned_to", "iteration", "frames", "mean_return", "episodes"),
    *("sparsity", "published_mean", "published_low", "published_high"),
)


@dataclass(frozen=True)
class Line:
    """One run as it is drawn."""

    run: RunResult
    label: str
    colour: str
    bands: dict[int, published.Band]
    """Published returns in the run's setting, by iteration; empty where it cannot be compared."""

    @property
    def setting(self) -> tuple[str, str, str]:
        """Agent, network, game."""
        config = self.run.config
        return config["agent"], config["network"], self.run.game

    @property
    def dashes(self) -> LineStyleType:
        """Line style: solid for dense runs."""
        return "-" if self.run.dense else plotting.DASHES


def lines(runs: Sequence[RunResult]) -> list[Line]:
    """Gives every run a unique label, a colour, and its published bands.

    The bands hold for width 1 and iterations of a million frames.
    """
    names = [run.name() for run in runs]
    labels = [
        name if names.count(name) == 1 else f"{name} ({run.directory.resolve().name})"
        for run, name in zip(runs, names, strict=True)
    ]
    return [
        Line(run, label, plotting.colour(place), _bands(run))
        for place, (run, label) in enumerate(zip(runs, labels, strict=True))
    ]


def verdict(line: Line) -> str:
    """Returns a sentence that compares the newest published iteration of a run with its band.

    For example ``DQN Breakout nature dense: iteration 1 mean 7.0, published [5.6, 8.1]: inside``.
    """
    iterations = returns(line.run)
    finished = np.flatnonzero(np.isfinite(iterations.mean_return))
    if not len(finished):
        return f"{line.label}: no iteration with a finished episode yet"
    compared = [place for place in finished if int(iterations.index[place]) in line.bands]
    newest = compared[-1] if compared else finished[-1]
    index, mean = int(iterations.index[newest]), float(iterations.mean_return[newest])
    start = f"{line.label}: iteration {index} mean {published.to_text(mean)}"
    if not compared:
        return f"{start}, {_why_no_band(line)}"
    band = line.bands[index]
    of_dense = "" if line.run.dense else " dense"
    changes = ", ".join(f"{name} {value}" for name, value in line.run.setting_changes().items())
    return (
        f"{start}, published{of_dense} [{published.to_text(band.low)}, {published.to_text(band.high)}]: "
        f"{band.place(mean)}" + (f" (here with {changes})" if changes else "")
    )


def draw(lines: Sequence[Line], title: str = "") -> Figure:
    """Returns the figure: a column per game; returns above, sparsity below if any run is pruned.

    An iteration's mean is a dot in the middle of its frames (hollow for pruned runs), with a bar over
    their length while there are few iterations. The thin line is the running mean over 100 episodes.
    Published bands are shaded, paler between published iterations.
    """
    games = list(dict.fromkeys(line.run.game for line in lines))
    pruned = not all(line.run.dense for line in lines)
    rows = 2 if pruned else 1
    figure = Figure(figsize=(1.0 + 6.2 * len(games), 5.2 if pruned else 4.2), layout="constrained")
    axes = figure.subplots(rows, len(games), sharex="col", squeeze=False, height_ratios=[4, 1][:rows])
    for column, game in enumerate(games):
        of_game = [line for line in lines if line.run.game == game]
        unit, prefix = _unit(of_game)
        _draw_returns(axes[0, column], of_game, unit)
        if pruned:
            _draw_sparsity(axes[1, column], of_game, unit)
        for cell in axes[:, column]:
            cell.grid(axis="y")
            cell.set_axisbelow(True)
        axes[-1, column].set_xlabel(f"{prefix} {of_game[0].run.unit}")
        axes[-1, column].xaxis.set_major_formatter("{x:g}")
    axes[0, 0].set_ylabel("mean training return")
    if pruned:
        axes[1, 0].set_ylabel("sparsity")
    figure.align_ylabels()
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


def save(lines: Sequence[Line], out: Path, title: str = "") -> Path:
    """Writes the figure to ``out`` and its numbers, a row per iteration, to a CSV beside it.

    Returns:
      The path of the CSV.

    Raises:
      UserError: ``out`` has an unknown format or cannot be written.
    """
    return plotting.write(out, lambda: draw(lines, title), COLUMNS, rows(lines))


def rows(lines: Sequence[Line]) -> Iterator[dict[str, object]]:
    """Yields a CSV row for every iteration of every run; unknown values are absent."""
    for line in lines:
        iterations = returns(line.run)
        frames, sparsity = series(line.run, "sparsity")
        agent, network, game = line.setting
        for index, end, mean, episodes in zip(
            iterations.index, iterations.frames, iterations.mean_return, iterations.episodes, strict=True
        ):
            row: dict[str, object] = {
                "run": line.run.directory,
                "agent": agent,
                "network": network,
                "game": game,
                "pruned_to": 0 if line.run.dense else line.run.config["sparsity"],
                "iteration": index,
                "frames": end,
                "episodes": episodes,
            }
            if np.isfinite(mean):
                row["mean_return"] = float(mean)
            if np.any(frames <= end):
                row["sparsity"] = float(sparsity[frames <= end][-1])
            if index in line.bands:
                band = dataclasses.asdict(line.bands[index])
                row |= {f"published_{name}": value for name, value in band.items()}
            yield row


def _bands(run: RunResult) -> dict[int, published.Band]:
    config = run.config
    if config["width"] != 1 or config["iteration_frames"] != published.ITERATION_FRAMES:
        return {}
    return published.curve(config["agent"], config["network"], run.game)


def _why_no_band(line: Line) -> str:
    config = line.run.config
    if line.run.suite != "minatar":
        if config["iteration_frames"] != published.ITERATION_FRAMES:
            return (
                f"not comparable: its iterations are of {config['iteration_frames']:,} frames, not 1,000,000"
            )
        if config["width"] != 1:
            return f"not comparable: width {config['width']:g}, published is 1"
    return "nothing published for it"


def _unit(lines: Sequence[Line]) -> tuple[float, str]:
    """Returns the frames of one unit of the x axis, and its name."""
    records = (record for line in lines for kind in line.run.records.values() for record in kind)
    longest = max((record.frames for record in records), default=0)
    return (1e6, "million") if longest >= 1e6 else (1e3, "thousand")


def _draw_returns(axes: Axes, lines: Sequence[Line], unit: float) -> None:
    """Draws running means and iteration means of every run, bands behind them, the legend above."""
    last = 0.0
    for line in lines:
        frames, running = series(line.run, "mean_return")
        axes.plot(frames / unit, running, color=line.colour, linewidth=1.0, alpha=0.55)
        iterations, length = returns(line.run), line.run.config["iteration_frames"] / unit
        index, mean = iterations.index, iterations.mean_return
        few = len(index) <= _FEW
        if few:
            ends = (mean, index * length, (index + 1) * length)
            axes.hlines(*ends, color=line.colour, linewidth=2.2, linestyle=line.dashes, zorder=3)
        axes.plot(
            (index + 0.5) * length,
            mean,
            color=line.colour,
            linewidth=0 if few else 1.6,
            linestyle=line.dashes,
            marker="o",
            markersize=7 if few else 3.5,
            markerfacecolor=line.colour if line.run.dense else "white",
            markeredgewidth=1.6 if few else 1.1,
            zorder=4,
            label=line.label.replace(f" {line.run.game}", ""),
        )
        last = max([last, *frames / unit, *(index + 1) * length])
    _draw_bands(axes, lines, unit, last)
    axes.set_xlim(0, last or 1)
    axes.margins(y=0.04)
    axes.yaxis.set_major_formatter(plotting.thousands())
    axes.legend(
        title=lines[0].run.game,
        title_fontproperties={"weight": "bold", "size": 12},
        alignment="left",
        frameon=False,
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=2,
        handlelength=1.6,
        labelspacing=0.4,
        borderaxespad=0.1,
    )


def _draw_bands(axes: Axes, lines: Sequence[Line], unit: float, last: float) -> None:
    """Draws each published band once, in the colour of the first run of its setting, dense ones first."""
    owners: dict[tuple[str, str, str], Line] = {}
    for line in sorted(lines, key=lambda line: not line.run.dense):
        if line.bands:
            owners.setdefault(line.setting, line)
    step = published.ITERATION_FRAMES / unit
    for line in owners.values():
        agent, network = line.run.name().split()[0], line.setting[1]
        label: str | None = f"{agent} {network} dense, published (5 seeds)"
        bands = [(index, band) for index, band in sorted(line.bands.items()) if index * step < last]
        for index, band in bands:
            edges = (index * step, (index + 1) * step)
            axes.fill_between(
                edges, band.low, band.high, color=line.colour, alpha=0.17, linewidth=0, label=label
            )
            axes.hlines(band.mean, edges[0], edges[1], color=line.colour, alpha=0.5, linewidth=0.8)
            label = None
        for (i, before), (j, after) in itertools.pairwise(bands):
            if j > i + 1:
                gap = ((i + 1) * step, j * step)
                between = ([before.low, after.low], [before.high, after.high])
                axes.fill_between(gap, *between, color=line.colour, alpha=0.06, linewidth=0)


def _draw_sparsity(axes: Axes, lines: Sequence[Line], unit: float) -> None:
    for line in lines:
        frames, sparsity = series(line.run, "sparsity")
        axes.plot(frames / unit, 100 * sparsity, color=line.colour, linewidth=1.4, linestyle=line.dashes)
    axes.set_ylim(-4, 104)
    axes.set_yticks([0, 50, 100])
    axes.yaxis.set_major_formatter(plotting.percent())
