"""The layout of a figure: size, title, note, legend and empty axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib import figure as mpl
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tf_pruned_rl.analysis import plotting
from tf_pruned_rl.analysis.figures.spec import Figure

MARKERS = "osD^vPX*"
"""Markers of arms, or of the values of a flag, in order."""
# Width and height of one pair of axes, in inches.
_SIZE = (4.3, 3.3)
# Heights of the title, a row of the legend, a line of the note, in inches.
_TITLE, _ROW, _NOTE = 0.36, 0.24, 0.2
_COLUMNS = 3


@dataclass(frozen=True)
class ArmStyles:
    """Colour and marker of every arm, the same everywhere in a figure."""

    colours: dict[str, str]
    markers: dict[str, str]

    @classmethod
    def of(cls, figure: Figure) -> ArmStyles:
        """Returns the styles of a figure's arms by their labels, in order."""
        names = list(dict.fromkeys(arm.label for panel in figure.panels for arm in panel.arms))
        colours = {name: plotting.colour(i) for i, name in enumerate(names)}
        return cls(colours, {name: MARKERS[i % len(MARKERS)] for i, name in enumerate(names)})


def create(
    figure: Figure, count: int, labels: Sequence[str], note: str, strip: bool
) -> tuple[mpl.Figure, list[list[Axes]]]:
    """Returns an empty figure with title and note, and its axes: those of scores, then those of strips."""
    columns = min(count, 2 if count in (2, 4) else _COLUMNS)
    down = math.ceil(count / columns)
    width = max(_SIZE[0] * columns + 0.4, 6.4)
    top = _TITLE + _ROW * _legend_rows(labels, width)
    lines = _wrapped(note, width)
    bottom = _NOTE * len(lines) + 0.06
    height = top + bottom + down * (_SIZE[1] + (0.9 if strip else 0.0))
    page = mpl.Figure(figsize=(width, height), layout="constrained")
    page.get_layout_engine().set(rect=(0, bottom / height, 1, 1 - (top + bottom) / height))  # type: ignore[call-arg, union-attr]
    kinds = 2 if strip else 1
    grid = page.add_gridspec(down * kinds, columns, height_ratios=[4, 1][:kinds] * down)
    axes = [
        [page.add_subplot(grid[kinds * (i // columns) + kind, i % columns]) for i in range(count)]
        for kind in range(kinds)
    ]
    place = " on MinAtar" if figure.common.get("suite") == "minatar" else ""
    number = f"Figure {figure.number}{place}. " if figure.number.isdigit() else ""
    page.text(
        0.12 / width, 1 - 0.08 / height, number + figure.title, va="top", fontsize=12.5, fontweight="bold"
    )
    page.text(0.12 / width, 0.06 / height, "\n".join(lines), va="bottom", fontsize=8, color="#555555")
    return page, axes


def _legend_columns(labels: Sequence[str], width: float) -> int:
    """Returns how many names go into a row, all rows about as long."""
    longest = max(map(len, labels), default=1)
    most = max(1, int(width / (0.085 * longest + 0.55)))
    return math.ceil(len(labels) / math.ceil(len(labels) / most))


def _legend_rows(labels: Sequence[str], width: float) -> int:
    return math.ceil(len(labels) / _legend_columns(labels, width))


def _wrapped(text: str, width: float) -> list[str]:
    """Returns the lines of a note, about as long as the figure is wide (8 points: 17 letters an inch)."""
    lines, limit = [""], int(17 * width)
    for word in text.split():
        if len(lines[-1]) + len(word) > limit:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def legend(page: mpl.Figure, styles: ArmStyles, markers: bool = True) -> None:
    """Draws the names of the arms between title and axes."""
    width, height = page.get_size_inches()
    handles = [
        Line2D(
            [], [], color=styles.colours[name], marker=styles.markers[name] if markers else "", markersize=5.5
        )
        for name in styles.colours
    ]
    names = list(styles.colours)
    page.legend(
        handles,
        names,
        loc="upper left",
        bbox_to_anchor=(0.05 / width, 1 - (_TITLE - 0.06) / height),
        ncols=_legend_columns(names, width),
        frameon=False,
        handlelength=1.7,
        columnspacing=1.4,
    )
