"""Draws training returns against frames, over the published bands, and says where each run lies."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import LineStyleType

from tf_pruned_rl.analysis import published
from tf_pruned_rl.analysis.results import Run, iterations, series
from tf_pruned_rl.errors import UserError

# Okabe and Ito's colours, which stay apart for every kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_INK, PALE = "#333333", "#dddddd"
STYLE: dict[Any, Any] = {
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
_FEW = 12  # iterations up to which each is drawn as a bar
COLUMNS = (
    *("run", "agent", "network", "game", "pruned_to", "iteration", "frames", "mean_return", "episodes"),
    *("sparsity", "published_mean", "published_low", "published_high"),
)
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
        config = self.run.config
        return config["agent"], config["network"], self.run.game


def lines(runs: Sequence[Run]) -> list[Line]:
    """Gives every run a label that no other has, a colour, and its published bands.

    The bands hold for width 1 and iterations of a million frames.
    """
    names = [run.name() for run in runs]
    made = []
    for i, (run, name) in enumerate(zip(runs, names, strict=True)):
        label = name if names.count(name) == 1 else f"{name} ({run.directory.resolve().name})"
        made.append(Line(run, label, COLOURS[i % len(COLOURS)], _bands(run)))
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

    An iteration's mean is a dot in the middle of its frames (hollow where the run is pruned), with a
    bar over their length while there are few; the thin line is the running mean over 100 episodes. The
    published bands are shaded: each iteration that is known, and paler in between.
    """
    games = list(dict.fromkeys(line.setting[2] for line in drawn))
    pruned = not all(line.dense for line in drawn)
    rows = 2 if pruned else 1
    figure = Figure(figsize=(1.0 + 6.2 * len(games), 5.2 if pruned else 4.2), layout="constrained")
    axes = figure.subplots(rows, len(games), sharex="col", squeeze=False, height_ratios=[4, 1][:rows])
    for column, game in enumerate(games):
        here = [line for line in drawn if line.setting[2] == game]
        unit, word = _unit(here)
        _draw_returns(axes[0, column], here, unit)
        if pruned:
            _draw_sparsity(axes[1, column], here, unit)
        for each in axes[:, column]:
            each.grid(axis="y", color=PALE, linewidth=0.5)
            each.set_axisbelow(True)
        axes[-1, column].set_xlabel(f"{word} {here[0].run.unit}")
        axes[-1, column].xaxis.set_major_formatter("{x:g}")
    axes[0, 0].set_ylabel("mean training return")
    if pruned:
        axes[1, 0].set_ylabel("sparsity")
    figure.align_ylabels()
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


def save(drawn: Sequence[Line], out: Path, title: str = "") -> Path:
    """Writes the figure to ``out`` and its numbers, one row per iteration, to a CSV beside it.

    Returns:
      The path of the CSV.

    Raises:
      UserError: ``out`` is of no format that can be drawn, or cannot be written.
    """
    return write(out, lambda: draw(drawn, title), COLUMNS, rows(drawn))


def write(
    out: Path,
    figure: Callable[[], Figure],
    columns: Sequence[str],
    rows: Iterable[Mapping[str, object]],
    also: Sequence[Path] = (),
    dpi: int = 200,
) -> Path:
    """Draws ``figure()`` in this project's style into ``out``, and writes ``rows`` to a CSV beside it.

    Args:
      out: file of the picture.
      figure: makes it.
      columns: of the CSV.
      rows: of the CSV.
      also: more files to draw the same picture into.
      dpi: pixels of an inch.

    Returns:
      The path of the CSV.

    Raises:
      UserError: a file is of no format that can be drawn, or cannot be written.
    """
    draw_into((out, *also), figure, dpi)
    return write_table(out.with_suffix(".csv"), columns, rows)


def draw_into(paths: Sequence[Path], figure: Callable[[], Figure], dpi: int = 200) -> None:
    """Draws ``figure()`` in this project's style into every one of ``paths``.

    Raises:
      UserError: a file is of no format that can be drawn, or cannot be written.
    """
    for path in paths:
        if path.suffix not in FORMATS:
            raise UserError(f"cannot draw {path}: its name must end in one of {', '.join(FORMATS)}")
    with matplotlib.rc_context(STYLE):
        made = figure()
        for path in paths:
            # The same numbers make the same bytes: a PDF would hold the time.
            dated = {"CreationDate": None} if path.suffix == ".pdf" else {}
            with _writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                made.savefig(path, dpi=dpi, metadata=dated)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Path:
    """Writes ``rows`` to a CSV; returns its path.

    Raises:
      UserError: it cannot be written.
    """
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return path


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turns what the system says against writing into a UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write {error.filename or path} ({error.strerror}): give another --out"
        ) from None


def _bands(run: Run) -> dict[int, published.Band]:
    config = run.config
    if config["width"] != 1 or config["iteration_frames"] != published.ITERATION_FRAMES:
        return {}
    return published.curve(config["agent"], config["network"], run.game)


def _why_no_band(line: Line) -> str:
    config = line.run.config
    if line.run.suite == "minatar":
        return "nothing published for it"
    if config["iteration_frames"] != published.ITERATION_FRAMES:
        return f"not comparable: its iterations are of {config['iteration_frames']:,} frames, not 1,000,000"
    if config["width"] != 1:
        return f"not comparable: width {config['width']:g}, published is 1"
    return "nothing published for it"


def _unit(here: Sequence[Line]) -> tuple[float, str]:
    """Returns the frames of one unit of the x axis, and its name."""
    longest = max((r.frames for line in here for each in line.run.records.values() for r in each), default=0)
    return (1e6, "million") if longest >= 1e6 else (1e3, "thousand")


def _dashes(line: Line) -> LineStyleType:
    return "-" if line.dense else (0.0, (3.5, 1.4))


def _draw_returns(axes: Axes, here: Sequence[Line], unit: float) -> None:
    """Fine lines and iteration means of every run, bands behind them, legend above."""
    reached = 0.0
    for line in here:
        frames, running = series(line.run, "mean_return")
        axes.plot(frames / unit, running, color=line.colour, linewidth=1.0, alpha=0.55)
        done, length = iterations(line.run), line.run.config["iteration_frames"] / unit
        few = len(done.index) <= _FEW
        if few:
            bars = (done.mean_return, done.index * length, (done.index + 1) * length)
            axes.hlines(*bars, color=line.colour, linewidth=2.2, linestyle=_dashes(line), zorder=3)
        axes.plot(
            (done.index + 0.5) * length,
            done.mean_return,
            color=line.colour,
            linewidth=0 if few else 1.6,
            linestyle=_dashes(line),
            marker="o",
            markersize=7 if few else 3.5,
            markerfacecolor=line.colour if line.dense else "white",
            markeredgewidth=1.6 if few else 1.1,
            zorder=4,
            label=line.label.replace(f" {line.setting[2]}", ""),
        )
        reached = max([reached, *frames / unit, *(done.index + 1) * length])
    _draw_bands(axes, here, unit, reached)
    axes.set_xlim(0, reached or 1)
    axes.margins(y=0.04)
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.legend(
        title=here[0].setting[2],
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


def _draw_bands(axes: Axes, here: Sequence[Line], unit: float, reached: float) -> None:
    """Draws each published band once, in the colour of the first run of its setting, dense ones first."""
    owners: dict[tuple[str, str, str], Line] = {}
    for line in sorted(here, key=lambda line: not line.dense):
        if line.bands:
            owners.setdefault(line.setting, line)
    step = published.ITERATION_FRAMES / unit
    for line in owners.values():
        agent, network = line.run.name().split()[0], line.setting[1]
        label: str | None = f"{agent} {network} dense, published (5 seeds)"
        known = [(i, band) for i, band in sorted(line.bands.items()) if i * step < reached]
        for index, band in known:
            edges = (index * step, (index + 1) * step)
            axes.fill_between(
                edges, band.low, band.high, color=line.colour, alpha=0.17, linewidth=0, label=label
            )
            axes.hlines(band.mean, edges[0], edges[1], color=line.colour, alpha=0.5, linewidth=0.8)
            label = None
        for (i, before), (j, after) in itertools.pairwise(known):
            if j > i + 1:
                gap = ((i + 1) * step, j * step)
                between = ([before.low, after.low], [before.high, after.high])
                axes.fill_between(gap, *between, color=line.colour, alpha=0.06, linewidth=0)


def _draw_sparsity(axes: Axes, here: Sequence[Line], unit: float) -> None:
    for line in here:
        frames, sparsity = series(line.run, "sparsity")
        axes.plot(frames / unit, 100 * sparsity, color=line.colour, linewidth=1.4, linestyle=_dashes(line))
    axes.set_ylim(-4, 104)
    axes.set_yticks([0, 50, 100])
    axes.yaxis.set_major_formatter(ticker.PercentFormatter(decimals=0, symbol=" %"))


def rows(drawn: Sequence[Line]) -> Iterator[dict[str, object]]:
    """Yields the runs' iterations, with what was published for them; what is not known is left out."""
    for line in drawn:
        done = iterations(line.run)
        frames, sparsity = series(line.run, "sparsity")
        for index, at, mean, episodes in zip(
            done.index, done.frames, done.mean_return, done.episodes, strict=True
        ):
            row = {
                "run": line.run.directory,
                **dict(zip(("agent", "network", "game"), line.setting, strict=True)),
            }
            row |= {"pruned_to": 0 if line.dense else line.run.config["sparsity"], "iteration": index}
            row |= {"frames": at, "episodes": episodes}
            if np.isfinite(mean):
                row["mean_return"] = float(mean)
            if np.any(frames <= at):
                row["sparsity"] = float(sparsity[frames <= at][-1])
            if index in line.bands:
                band = line.bands[index]
                row |= {f"published_{name}": value for name, value in dataclasses.asdict(band).items()}
            yield row
