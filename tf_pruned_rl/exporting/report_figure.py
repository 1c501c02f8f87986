"""The picture of a report: sizes, and latency at batch 1 on one core, pruned beside dense."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_PRUNED, _DENSE = "#0072b2", "#b0b0b0"


def draw(report: dict[str, Any]) -> Figure:
    """Returns the figure of what ``report.make`` found."""
    rows = report["formats"]
    figure = Figure(figsize=(10, 1.6 + 0.6 * len(rows)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    names = [row["format"] for row in rows]
    sizes = [(row["bytes"]["raw"] / 1e6, row["dense_bytes"]["raw"] / 1e6) for row in rows]
    times = [tuple(row["latency_ms"]["batch 1, threads 1"].values()) for row in rows]
    _bars(left, names, sizes, "file size, MB")
    _bars(right, names, times, f"batch 1 on one core, ms (median of {report['runs']})")
    left.invert_yaxis()
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    return figure


def _bars(axes: Axes, names: list[str], pairs: list[tuple[float, float]], label: str) -> None:
    for offset, index, colour, what in ((-0.2, 0, _PRUNED, "pruned"), (0.2, 1, _DENSE, "dense twin")):
        values = [pair[index] for pair in pairs]
        bars = axes.barh([i + offset for i in range(len(names))], values, 0.38, color=colour, label=what)
        axes.bar_label(bars, fmt="{:.3g}", padding=3, fontsize=8)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel(label)
    axes.margins(x=0.15)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
