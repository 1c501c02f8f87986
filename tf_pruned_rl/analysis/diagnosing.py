"""Draws what diagnostics measured: the panels of the paper's figure 11, the heat maps of figure 13."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tf_pruned_rl.analysis import plotting
from tf_pruned_rl.analysis.results import RunResult, series
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
_DPI = 120
_REPETITIONS = 2_000

Groups = Mapping[tuple[str, str], Sequence[RunResult]]
"""{(game, kind): runs that differ in their seeds only}, in the order of the runs."""


def groups(runs: Sequence[RunResult]) -> Groups:
    """Groups runs by game and kind.

    Raises:
      UserError: a run has no diagnostics, or the runs have several agents, networks or widths.
    """
    by_kind: dict[tuple[str, str], list[RunResult]] = {}
    for run in runs:
        if not run.records.get("diagnostics"):
            raise UserError(f"{run.directory} has no diagnostics yet: train it with --diagnostics")
        by_kind.setdefault((run.game, run.kind()), []).append(run)
    settings = {tuple(run.config[name] for name in ("agent", "network", "width")) for run in runs}
    if len(settings) > 1:
        names = "; ".join(f"{agent} {network} x{width:g}" for agent, network, width in sorted(settings))
        raise UserError(f"runs of several settings ({names}): draw each setting by itself")
    return by_kind


def panels(groups: Groups) -> Figure:
    """Returns figure 11: a row per game, a column per quantity, a line per kind of run.

    Several seeds are a mean with its 95 % bootstrap interval. A kind has the same colour everywhere.
    Dotted lines mark the begin and the end of gradual pruning, as far as the run has reached them.
    """
    games, kinds = _games_and_kinds(groups)
    figure = Figure(figsize=(2.7 * len(PANELS), 2.3 * len(games) + 0.7), layout="constrained")
    axes = figure.subplots(len(games), len(PANELS), squeeze=False, sharex=True)
    any_window = False
    for (game, kind), runs in groups.items():
        colour = plotting.colour(kinds.index(kind))
        window = pruning_window(runs[0])
        any_window = any_window or bool(window)
        for cell, name in zip(axes[games.index(game)], PANELS, strict=True):
            _draw(cell, runs, name, colour)
            for frame in window:
                cell.axvline(frame, color=colour, linewidth=0.8, linestyle=":", zorder=0)
    for column, (name, title) in enumerate(PANELS.items()):
        axes[0, column].set_title(title, fontsize=10, loc="left")
        axes[-1, column].set_xlabel(next(iter(groups.values()))[0].unit)
        for cell in axes[:, column]:
            cell.grid(axis="y")
            cell.xaxis.set_major_locator(ticker.MaxNLocator(4))
            cell.xaxis.set_major_formatter(ticker.EngFormatter(sep=""))
            cell.yaxis.set_major_locator(ticker.MaxNLocator(5))
            labels = plotting.percent(1.0) if name == "dormant" else ticker.FuncFormatter(tick_label)
            cell.yaxis.set_major_formatter(labels)
    for row, game in enumerate(games):
        axes[row, 0].set_ylabel(game, fontweight="bold")
    axes[0, 0].set_xlim(left=0)
    figure.align_ylabels(axes[:, 0])
    handles = [Line2D([], [], color=plotting.colour(i)) for i in range(len(kinds))]
    if any_window:
        kinds = [*kinds, "pruning begins, ends"]
        handles.append(Line2D([], [], color="#555555", linewidth=0.8, linestyle=":"))
    figure.legend(handles, kinds, loc="outside upper right", ncols=len(kinds), frameon=False)
    return figure


def heat_maps(groups: Groups, array: str = "all") -> Figure:
    """Returns figure 13: the newest gradient covariance of each group's first run.

    Args:
      groups: see ``groups``.
      array: ``all`` weights, or ``kept``: only those that are not pruned.
    """
    games, kinds = _games_and_kinds(groups)
    size = (2.6 * len(kinds) + 0.9, 2.7 * len(games) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(games), len(kinds), squeeze=False)
    image: Any = None
    for cell in axes.flat:
        cell.set_axis_off()
    for (game, kind), runs in groups.items():
        frames, matrix = covariance(runs[0], array)
        cell = axes[games.index(game), kinds.index(kind)]
        image = cell.imshow(matrix, cmap="RdBu", vmin=-1, vmax=1, interpolation="nearest")
        off_diagonal = matrix[~np.eye(len(matrix), dtype=bool)]
        negative = 100 * (off_diagonal < 0).mean()
        summary = f"mean size {np.abs(off_diagonal).mean():.2f}, {negative:.0f} % negative"
        cell.set_title(f"{game}, {kind}, {frames:,} {runs[0].unit}\n{summary}", fontsize=8)
    figure.colorbar(image, ax=axes, shrink=0.6, label="cosine of gradients")
    return figure


def covariance(run: RunResult, array: str = "all") -> tuple[int, np.ndarray]:
    """Returns the frames and the newest gradient covariance, float64 [k, k], of a run.

    Raises:
      UserError: it has saved none.
    """
    files = sorted((run.directory / "diagnostics").glob("gradient_covariance-*.npz"))
    if not files:
        raise UserError(f"{run.directory} holds no diagnostics/gradient_covariance-*.npz")
    with np.load(files[-1]) as arrays:
        return int(files[-1].stem.split("-")[-1]), arrays[array]


def verdicts(groups: Groups) -> Iterator[str]:
    """Yields a sentence per group: the newest value of every panel, as means over its runs."""
    for (game, kind), runs in groups.items():
        parts = []
        for name in PANELS:
            newest = [numbers[-1] for run in runs if len(numbers := values(run, name)[1])]
            if newest:
                parts.append(f"{name} {np.mean(newest):.4g}")
        size = np.mean([series(run, "covariance_size", "diagnostics")[1][-1] for run in runs])
        yield f"{game}, {kind} ({len(runs)} runs): {', '.join(parts)}, gradient covariance {size:.3g}"


def values(run: RunResult, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns frames and values of a panel; iterations without a finished episode are absent."""
    return series(run, "mean_return", "iteration") if name == "return" else series(run, name, "diagnostics")


def pruning_window(run: RunResult) -> list[int]:
    """Returns the frames at which a run logged the begin and the end of gradual pruning.

    Two, one or none, as far as the run has reached them. Dense runs, and those sparse from the start,
    have none.
    """
    frames, sparsity = series(run, "sparsity")
    final = run.config["sparsity"]
    # Tolerances: an initial weight may be 0 by chance, and the final sparsity is exact to one weight a layer.
    if run.dense or not len(frames) or sparsity[0] > 0.01 * final:
        return []
    places = (np.flatnonzero(sparsity > share * final) for share in (0.01, 0.999))
    return [int(frames[place[0]]) for place in places if len(place)]


def save(groups: Groups, out: Path, array: str = "all") -> list[Path]:
    """Writes the panels to ``out``, and beside it the heat maps and the numbers.

    Returns:
      The three paths.

    Raises:
      UserError: ``out`` has an unknown format or cannot be written.
    """
    maps = out.with_name(f"{out.stem}-covariance{out.suffix}")
    plotting.draw_into((out,), lambda: panels(groups), _DPI)
    table = plotting.write_table(out.with_suffix(".csv"), COLUMNS, rows(groups))
    plotting.draw_into((maps,), lambda: heat_maps(groups, array), _DPI)
    return [out, maps, table]


def rows(groups: Groups) -> Iterator[dict[str, object]]:
    """Yields a CSV row for every measured value, and for every return."""
    for (game, kind), runs in groups.items():
        for run in runs:
            names = {name for record in run.records["diagnostics"] for name in record.values}
            for name in ("return", *sorted(names)):
                for frames, value in zip(*values(run, name), strict=True):
                    cells = (run.directory, game, kind, int(frames), name, float(value))
                    yield dict(zip(COLUMNS, cells, strict=True))


def interval(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the 95 % percentile bootstrap interval of the mean over runs.

    Args:
      samples: float64 [runs, points].
    """
    generator = np.random.default_rng(0)
    means = samples[generator.integers(0, len(samples), (_REPETITIONS, len(samples)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    return low, high


def tick_label(value: float, position: int | None = None) -> str:
    """Returns a number for an axis: ``13.5k`` from a thousand on, plain below."""
    return ticker.EngFormatter(sep="")(value) if abs(value) >= 1_000 else f"{value:g}"


def _games_and_kinds(groups: Groups) -> tuple[list[str], list[str]]:
    return list(dict.fromkeys(game for game, _ in groups)), list(dict.fromkeys(kind for _, kind in groups))


def _draw(axes: Axes, runs: Sequence[RunResult], name: str, colour: str) -> None:
    """Draws one line, over the frames that all its runs have reached."""
    seeds = [dict(zip(*map(np.ndarray.tolist, values(run, name)), strict=True)) for run in runs]
    frames = sorted(set.intersection(*map(set, seeds)))
    if not frames:
        return
    samples = np.array([[seed[frame] for frame in frames] for seed in seeds])
    axes.plot(frames, samples.mean(axis=0), color=colour, linewidth=1.4, marker=".", markersize=3)
    if len(runs) > 1:
        axes.fill_between(frames, *interval(samples), color=colour, alpha=0.15, linewidth=0)
