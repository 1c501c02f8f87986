"""The picture of a report: sizes, latency and returns of the formats, and what is left of each layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_PRUNED, _DENSE, _COMPACT = "#0072b2", "#b0b0b0", "#e69f00"
_SHOWN = "batch 1, threads 1"


def draw(report: dict[str, Any]) -> Figure:
    """Returns the figure of what ``report.make`` found."""
    rows = report["formats"]
    played = [row for row in rows if row["returns"]]
    figure = Figure(figsize=(12, 3.8 + 0.5 * len(rows)), layout="constrained")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(1 + 0.5 * len(rows), 3))[:, 0]
    panels = above.subplots(1, 3 if played else 2, sharey=True)
    names = [row["format"] for row in rows]
    sizes = [(row["bytes"]["raw"] / 1e6, row["dense_bytes"]["raw"] / 1e6) for row in rows]
    times = [(row["latency_ms"][_SHOWN]["pruned"], row["latency_ms"][_SHOWN]["dense"]) for row in rows]
    _bars(panels[0], names, sizes, "size, MB")
    runs = rows[0]["latency_ms"][_SHOWN]["runs"]
    _bars(panels[1], names, times, f"batch 1 on one core, ms (medians of {runs})")
    if played:
        _returns(panels[2], rows, f"return, 95 % interval ({report['episodes']} episodes)")
    panels[0].invert_yaxis()
    above.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    _layers(below.subplots(), report["layers"])
    return figure


def _bars(axes: Axes, names: Sequence[str], pairs: Sequence[tuple[float, float]], label: str) -> None:
    """Draws two bars a format, the first number's above."""
    for offset, index, colour, what in ((-0.2, 0, _PRUNED, "pruned"), (0.2, 1, _DENSE, "dense twin")):
        values = [pair[index] for pair in pairs]
        bars = axes.barh([i + offset for i in range(len(names))], values, 0.38, color=colour, label=what)
        axes.bar_label(bars, fmt="{:.3g}", padding=3, fontsize=8)
    axes.set_yticks(range(len(names)), names)
    axes.margins(x=0.15)
    _finish(axes, label)


def _returns(axes: Axes, rows: Sequence[dict[str, Any]], label: str) -> None:
    """Draws a mean and its interval a format."""
    for index, row in enumerate(rows):
        if row["returns"]:
            low, high = row["returns"]["interval"]
            axes.plot([low, high], [index, index], color=_PRUNED, linewidth=2)
            axes.plot(row["returns"]["mean"], index, "o", color=_PRUNED)
    axes.margins(x=0.15)
    _finish(axes, label)


def _layers(axes: Axes, layers: Sequence[dict[str, Any]]) -> None:
    """Draws the weights of each layer: all, those that are not zero, and those that the compact one has."""
    kinds = [
        (_DENSE, "all weights", [row["parameters"] for row in layers]),
        (_PRUNED, "not zero", [row["parameters"] - row["zeros"] for row in layers]),
    ]
    if any(row["compact_parameters"] for row in layers):
        kinds.append((_COMPACT, "in the compact network", [row["compact_parameters"] for row in layers]))
    width = 0.8 / len(kinds)
    for number, (colour, label, values) in enumerate(kinds):
        places = [i + (number - (len(kinds) - 1) / 2) * width for i in range(len(layers))]
        axes.bar(places, values, width, color=colour, label=label)
    axes.set_yscale("log")
    axes.set_xticks(range(len(layers)), [row["layer"] for row in layers], rotation=30, ha="right", fontsize=8)
    axes.margins(x=0.01)
    axes.legend(loc="upper left", ncols=len(kinds), frameon=False, fontsize=8)
    axes.set_ylim(top=axes.get_ylim()[1] * 4)  # room for the legend
    axes.set_ylabel("weights")
    _finish(axes, "")


def _finish(axes: Axes, label: str) -> None:
    axes.set_xlabel(label)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
