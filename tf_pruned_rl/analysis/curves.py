"""Draws training returns against frames, over the published bands, and says where each run lies."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tf_pruned_rl.analysis import published
from tf_pruned_rl.analysis.results import Run, iterations, series
from tf_pruned_rl.errors import UserError

# Okabe and Ito's colours, which stay apart for every kind of colour vision.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_INK, _PALE = "#333333", "#dddddd"
_STYLE = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.color": _INK,
    "axes.edgecolor": "#999999",
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": "#999999",
    "ytick.color": "#999999",
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
}
FORMATS = (".png", ".pdf", ".svg")


@dataclass(frozen=True)
class Line:
    """One run as it is drawn."""

    run: Run
    label: str
    colour: str
    bands: dict[int, published.Band]
    """What was published for this setting, by iteration; empty where it cannot be compared."""

    @property
    def dense(self) -> bool:
        """Whether the run prunes nothing."""
        return self.run.density() == "dense"

    @property
    def setting(self) -> tuple[str, str, str]:
        """Agent, network, game."""
        return tuple(str(self.run.config[name]) for name in ("agent", "network", "game"))


def lines(runs: Sequence[Run]) -> list[Line]:
    """Gives every run a label that no other has, a colour, and its published bands.

    The bands hold for width 1 and iterations of a million frames.
    """
    names = [run.name() for run in runs]
    made = []
    for i, (run, name) in enumerate(zip(runs, names, strict=True)):
        label = name if names.count(name) == 1 else f"{name} ({run.directory.resolve().name})"
        made.append(Line(run, label, _COLOURS[i % len(_COLOURS)], _bands(run)))
    return made


def verdict(line: Line) -> str:
    """Returns one sentence: the newest iteration that was also published, and where its mean lies.

    For example ``DQN Breakout nature dense: iteration 1 mean 7.0, published [5.6, 8.1]: inside``.
    """
    done = iterations(line.run)
    known = [i for i, mean in enumerate(done.mean_return) if np.isfinite(mean)]
    if not known:
        return f"{line.label}: no iteration with a finished episode yet"
    compared = [i for i in known if int(done.index[i]) in line.bands]
    newest = (compared or known)[-1]
    index, mean = int(done.index[newest]), float(done.mean_return[newest])
    start = f"{line.label}: iteration {index} mean {published.spelled(mean)}"
    if not compared:
        return f"{start}, {_why_no_band(line)}"
    band = line.bands[index]
    of_dense = "" if line.dense else " dense"
    changes = ", ".join(f"{name} {value}" for name, value in line.run.setting_changes().items())
    return (
        f"{start}, published{of_dense} [{published.spelled(band.low)}, {published.spelled(band.high)}]: "
        f"{band.place(mean)}" + (f" (here with {changes})" if changes else "")
    )


def draw(drawn: Sequence[Line], title: str = "") -> Figure:
    """Returns the figure: one column per game; returns above, sparsity below if any run is pruned.

    Published bands are boxes, one per iteration; iteration means are dots in the middle of their
    iteration (hollow where the run is pruned); thin lines are the running mean over 100 episodes.
    """
    games = list(dict.fromkeys(line.setting[2] for line in drawn))
    pruned = not all(line.dense for line in drawn)
    rows = 2 if pruned else 1
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(1.2 + 5.6 * len(games), 4.6 if pruned else 3.8), layout="constrained")
        axes = figure.subplots(
            rows, len(games), sharex="col", squeeze=False, height_ratios=[3.6, 1][:rows], gridspec_kw={"hspace": 0.06}
        )
        for column, game in enumerate(games):
            here = [line for line in drawn if line.setting[2] == game]
            unit, word = _unit(here)
            _draw_returns(axes[0, column], here, unit)
            axes[0, column].set_title(game, loc="left", fontsize=11, fontweight="bold", pad=10)
            if pruned:
                _draw_sparsity(axes[1, column], here, unit)
            axes[-1, column].set_xlabel(f"{word} frames")
        axes[0, 0].set_ylabel("mean training return")
        if pruned:
            axes[1, 0].set_ylabel("zeros")
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=12.5)
    return figure


def save(drawn: Sequence[Line], out: Path, title: str = "") -> Path:
    """Writes the figure to ``out`` and its numbers, one row per iteration, to a CSV beside it.

    Returns:
      The path of the CSV.

    Raises:
      UserError: ``out`` is of no format that can be drawn, or cannot be written.
    """
    if out.suffix not in FORMATS:
        raise UserError(f"cannot draw {out}: its name must end in one of {', '.join(FORMATS)}")
    table = out.with_suffix(".csv")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with matplotlib.rc_context(_STYLE):
            draw(drawn, title).savefig(out, dpi=200)
        with table.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(_rows(drawn))
    except OSError as error:
        raise UserError(f"cannot write {error.filename or out} ({error.strerror}): give another --out") from None
    return table


def _bands(run: Run) -> dict[int, published.Band]:
    config = run.config
    if config["width"] != 1 or config["iteration_frames"] != published.ITERATION_FRAMES:
        return {}
    return published.curve(str(config["agent"]), str(config["network"]), str(config["game"]))


def _why_no_band(line: Line) -> str:
    config = line.run.config
    if config["iteration_frames"] != published.ITERATION_FRAMES:
        return f"not comparable: its iterations are of {config['iteration_frames']:,} frames, not 1,000,000"
    if config["width"] != 1:
        return f"not comparable: width {config['width']:g}, published is 1"
    return "nothing published for it"


def _unit(here: Sequence[Line]) -> tuple[float, str]:
    """Returns the frames of one unit of the x axis, and its name."""
    longest = max((r.frames for line in here for each in line.run.records.values() for r in each), default=0)
    return (1e6, "million") if longest >= 1e6 else (1e3, "thousand")


def _draw_returns(axes: Axes, here: Sequence[Line], unit: float) -> None:
    """Bands first, then the fine lines, then the dots."""
    reached = 0.0
    for line in here:
        frames, running = series(line.run, "mean_return")
        axes.plot(frames / unit, running, color=line.colour, linewidth=0.9, alpha=0.5, zorder=2)
        done, length = iterations(line.run), int(line.run.config["iteration_frames"])
        axes.plot(
            (done.index + 0.5) * length / unit,
            done.mean_return,
            color=line.colour,
            linewidth=1.6,
            linestyle="-" if line.dense else (0, (4, 1.6)),
            marker="o",
            markersize=5.5 if len(done.index) <= 12 else 3.5,
            markerfacecolor=line.colour if line.dense else "white",
            markeredgewidth=1.4,
            zorder=3,
            label=line.run.name().replace(f" {line.setting[2]}", "") if line.label == line.run.name() else line.label,
        )
        reached = max(reached, *frames / unit, *(done.index + 1) * length / unit, 0.0)
    _draw_bands(axes, here, unit, reached)
    axes.set_xlim(0, reached or 1)
    axes.grid(axis="y", color=_PALE, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.legend(frameon=False, loc="upper left", handlelength=2.2, labelspacing=0.45, borderaxespad=0.2)


def _draw_bands(axes: Axes, here: Sequence[Line], unit: float, reached: float) -> None:
    """Draws each published band once, in the colour of the first run of its setting, dense ones first."""
    owners = {}
    for line in sorted(here, key=lambda line: not line.dense):
        if line.bands:
            owners.setdefault(line.setting, line)
    step = published.ITERATION_FRAMES / unit
    for line in owners.values():
        label = f"{line.run.name().split()[0]} published (dense, lowest to highest of 5 seeds)"
        for index, band in line.bands.items():
            if index * step >= reached:
                break
            edges = [index * step, (index + 1) * step]
            axes.fill_between(edges, band.low, band.high, color=line.colour, alpha=0.16, linewidth=0, label=label)
            axes.hlines(band.mean, *edges, color=line.colour, alpha=0.45, linewidth=0.8)
            label = None


def _draw_sparsity(axes: Axes, here: Sequence[Line], unit: float) -> None:
    for line in here:
        frames, sparsity = series(line.run, "sparsity")
        axes.plot(
            frames / unit,
            100 * sparsity,
            color=line.colour,
            linewidth=1.4,
            linestyle="-" if line.dense else (0, (4, 1.6)),
        )
    axes.set_ylim(-4, 104)
    axes.set_yticks([0, 50, 100])
    axes.yaxis.set_major_formatter(ticker.PercentFormatter(decimals=0, symbol=" %"))
    axes.grid(axis="y", color=_PALE, linewidth=0.5)
    axes.set_axisbelow(True)


def _rows(drawn: Sequence[Line]) -> list[list[object]]:
    """Returns the table: a header, then the runs' iterations with what was published for them."""
    rows: list[list[object]] = [
        ["run", "label", "agent", "network", "game", "sparsity_at_end", "iteration", "frames", "mean_return"]
        + ["episodes", "sparsity", "published_mean", "published_low", "published_high"]
    ]
    for line in drawn:
        done = iterations(line.run)
        frames, sparsity = series(line.run, "sparsity")
        for index, at, mean, episodes in zip(*done, strict=True):
            band = line.bands.get(int(index))
            past = sparsity[frames <= at]
            rows.append(
                [line.run.directory, line.label, *line.setting]
                + [0 if line.dense else line.run.config["sparsity"], index, at]
                + ["" if np.isnan(mean) else repr(float(mean)), episodes, repr(float(past[-1])) if past.size else ""]
                + ([band.mean, band.low, band.high] if band else ["", "", ""])
            )
    return rows
