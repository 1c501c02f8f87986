"""Draws what diagnostics measured: the panels of the paper's figure 11, the heat maps of figure 13."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tf_pruned_rl.analysis.curves import COLOURS, PALE, draw_into, write
from tf_pruned_rl.analysis.results import Run, iterations, series
from tf_pruned_rl.errors import UserError

PANELS = {
    "return": "mean training return",
    "q_variance": "variance of Q",
    "parameters_norm": "norm of parameters",
    "q_norm": "norm of Q-values",
    "srank": "effective rank",
    "dormant": "dormant neurons",
}
"""{column: its title}, in the order of the paper's figure 11."""
COLUMNS = ("run", "game", "kind", "frames", "quantity", "value")
DPI = 120
_REPLICATES = 2_000

Groups = Mapping[tuple[str, str], Sequence[Run]]
"""{(game, kind): its runs}: those that differ in their seeds only, in the order they were given."""


def groups(runs: Sequence[Run]) -> Groups:
    """Puts together the runs of one game and kind.

    Raises:
      UserError: a run has no diagnostics, or runs of several agents, networks or widths are mixed.
    """
    found: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if not run.records.get("diagnostics"):
            raise UserError(f"{run.directory} has no diagnostics yet: train it with --diagnostics")
        found.setdefault((run.game, run.kind()), []).append(run)
    settings = {tuple(run.config[name] for name in ("agent", "network", "width")) for run in runs}
    if len(settings) > 1:
        listed = "; ".join(f"{agent} {network} x{width:g}" for agent, network, width in sorted(settings))
        raise UserError(f"runs of several settings ({listed}): draw each setting by itself")
    return found


def panels(grouped: Groups) -> Figure:
    """Returns figure 11: one row per game, one column per quantity, one line per kind of run.

    Several seeds are a mean with its 95 % bootstrap interval; the same colour is the same kind. Dotted
    lines are where gradual pruning has begun, and where it has ended, as far as the run has got.
    """
    games, kinds = _axes(grouped)
    figure = Figure(figsize=(2.7 * len(PANELS), 2.3 * len(games) + 0.7), layout="constrained")
    axes = figure.subplots(len(games), len(PANELS), squeeze=False, sharex=True)
    windows = False
    for (game, kind), runs in grouped.items():
        colour = COLOURS[kinds.index(kind) % len(COLOURS)]
        window = pruning_window(runs[0])
        windows = windows or bool(window)
        for each, name in zip(axes[games.index(game)], PANELS, strict=True):
            _draw(each, runs, name, colour)
            for frame in window:
                each.axvline(frame, color=colour, linewidth=0.8, linestyle=":", zorder=0)
    for column, (name, title) in enumerate(PANELS.items()):
        axes[0, column].set_title(title, fontsize=10, loc="left")
        axes[-1, column].set_xlabel(next(iter(grouped.values()))[0].unit)
        for each in axes[:, column]:
            each.grid(axis="y", color=PALE, linewidth=0.5)
            each.xaxis.set_major_locator(ticker.MaxNLocator(4))
            each.xaxis.set_major_formatter(ticker.EngFormatter(sep=""))
            each.yaxis.set_major_locator(ticker.MaxNLocator(5))
            percent = ticker.PercentFormatter(1.0, decimals=0, symbol=" %")
            each.yaxis.set_major_formatter(percent if name == "dormant" else ticker.FuncFormatter(_tick))
    for row, game in enumerate(games):
        axes[row, 0].set_ylabel(game, fontweight="bold")
    axes[0, 0].set_xlim(left=0)
    figure.align_ylabels(axes[:, 0])
    handles = [Line2D([], [], color=COLOURS[i % len(COLOURS)]) for i in range(len(kinds))]
    if windows:
        kinds = [*kinds, "pruning begins, ends"]
        handles.append(Line2D([], [], color="#555555", linewidth=0.8, linestyle=":"))
    figure.legend(handles, kinds, loc="outside upper right", ncols=len(kinds), frameon=False)
    return figure


def heat_maps(grouped: Groups, array: str = "all") -> Figure:
    """Returns figure 13: the newest gradient covariance of each group's first run.

    Args:
      grouped: see ``groups``.
      array: ``all`` weights, or ``kept``: without those that are pruned.
    """
    games, kinds = _axes(grouped)
    size = (2.6 * len(kinds) + 0.9, 2.7 * len(games) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(games), len(kinds), squeeze=False)
    image = None
    for each in axes.flat:
        each.set_axis_off()
    for (game, kind), runs in grouped.items():
        frames, matrix = covariance(runs[0], array)
        each = axes[games.index(game), kinds.index(kind)]
        image = each.imshow(matrix, cmap="RdBu", vmin=-1, vmax=1, interpolation="nearest")
        off = matrix[~np.eye(len(matrix), dtype=bool)]
        summary = f"mean size {np.abs(off).mean():.2f}, {100 * (off < 0).mean():.0f} % negative"
        each.set_title(f"{game}, {kind}, {frames:,} {runs[0].unit}\n{summary}", fontsize=8)
    figure.colorbar(image, ax=axes, shrink=0.6, label="cosine of gradients")
    return figure


def covariance(run: Run, array: str = "all") -> tuple[int, np.ndarray]:
    """Returns the frames and the newest gradient covariance, float64 [k, k], of a run.

    Raises:
      UserError: it has saved none.
    """
    found = sorted((run.directory / "diagnostics").glob("gradient_covariance-*.npz"))
    if not found:
        raise UserError(f"{run.directory} holds no diagnostics/gradient_covariance-*.npz")
    with np.load(found[-1]) as arrays:
        return int(found[-1].stem.split("-")[-1]), arrays[array]


def verdicts(grouped: Groups) -> Iterator[str]:
    """Yields a line per group: the newest value of every panel, means over its runs."""
    for (game, kind), runs in grouped.items():
        newest = {name: [values(run, name)[1] for run in runs] for name in PANELS}
        shown = [
            f"{name} {np.mean([each[-1] for each in found if len(each)]):.4g}"
            for name, found in newest.items()
            if any(len(each) for each in found)
        ]
        size = np.mean([series(run, "covariance_size", "diagnostics")[1][-1] for run in runs])
        yield f"{game}, {kind} ({len(runs)} runs): {', '.join(shown)}, gradient covariance {size:.3g}"


def values(run: Run, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns frames and values of a panel; iterations without a finished episode are left out."""
    if name != "return":
        return series(run, name, "diagnostics")
    done = iterations(run)
    known = np.isfinite(done.mean_return)
    return done.frames[known], done.mean_return[known]


def pruning_window(run: Run) -> list[int]:
    """Returns the frames at which a run logged its first gradually made zeros, and its final sparsity.

    Those that it has reached: two, one or none. Dense runs, and those sparse from the start, have none.
    """
    frames, sparsity = series(run, "sparsity")
    final = run.config["sparsity"]
    # A drawn weight may be 0; of the final sparsity the least layer's share may be off by a weight.
    if run.density() == "dense" or not len(frames) or sparsity[0] > 0.01 * final:
        return []
    reached = (np.flatnonzero(sparsity > share * final) for share in (0.01, 0.999))
    return [int(frames[found[0]]) for found in reached if len(found)]


def save(grouped: Groups, out: Path, array: str = "all") -> list[Path]:
    """Writes the panels to ``out``, and beside it the heat maps and the numbers.

    Returns:
      The three paths.

    Raises:
      UserError: ``out`` is of no format that can be drawn, or cannot be written.
    """
    maps = out.with_name(f"{out.stem}-covariance{out.suffix}")
    table = write(out, lambda: panels(grouped), COLUMNS, rows(grouped), dpi=DPI)
    draw_into((maps,), lambda: heat_maps(grouped, array), dpi=DPI)
    return [out, maps, table]


def interval(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the 95 % percentile bootstrap interval of the mean over runs.

    Args:
      samples: float64 [runs, points].
    """
    rng = np.random.default_rng(0)
    means = samples[rng.integers(0, len(samples), (_REPLICATES, len(samples)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    return low, high


def _axes(grouped: Groups) -> tuple[list[str], list[str]]:
    return list(dict.fromkeys(game for game, _ in grouped)), list(dict.fromkeys(kind for _, kind in grouped))


def _tick(value: float, position: int | None = None) -> str:
    return ticker.EngFormatter(sep="")(value) if abs(value) >= 1_000 else f"{value:g}"


def _draw(axes: Axes, runs: Sequence[Run], name: str, colour: str) -> None:
    """Draws one line, over the frames that all its runs have reached."""
    found = [dict(zip(*map(np.ndarray.tolist, values(run, name)), strict=True)) for run in runs]
    frames = sorted(set.intersection(*(set(each) for each in found)))
    if not frames:
        return
    samples = np.array([[each[frame] for frame in frames] for each in found])
    axes.plot(frames, samples.mean(axis=0), color=colour, linewidth=1.4, marker=".", markersize=3)
    if len(runs) > 1:
        axes.fill_between(frames, *interval(samples), color=colour, alpha=0.15, linewidth=0)


def rows(grouped: Groups) -> Iterator[dict[str, object]]:
    """Yields every value that was measured, and the returns."""
    for (game, kind), runs in grouped.items():
        for run in runs:
            names = {name for record in run.records["diagnostics"] for name in record.values}
            for name in ("return", *sorted(names)):
                for frame, value in zip(*values(run, name), strict=True):
                    cells = (run.directory, game, kind, int(frame), name, float(value))
                    yield dict(zip(COLUMNS, cells, strict=True))
