"""The page that a figure is drawn on: size, title, note, legend and empty axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib import figure as mpl
from matplotlib.axes import Axes as Plot
from matplotlib.lines import Line2D

from tf_pruned_rl.analysis.curves import COLOURS
from tf_pruned_rl.analysis.figures.spec import Figure

MARKERS = "osD^vPX*"
"""Of arms, or of the values of a flag, in order."""
_SIZE = (4.3, 3.3)  # of one pair of axes, in inches
_TITLE, _ROW, _NOTE = (
    0.36,
    0.24,
    0.2,
)  # heights of the title, a row of the legend, a line of the note, in inches
_COLUMNS = 3


@dataclass(frozen=True)
class Look:
    """What an arm looks like everywhere in a figure."""

    colours: dict[str, str]
    markers: dict[str, str]

    @classmethod
    def of(cls, labels: Sequence[str]) -> Look:
        """Returns the looks of arms by their labels, in order."""
        names = list(dict.fromkeys(labels))
        colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
        return cls(colours, {name: MARKERS[i % len(MARKERS)] for i, name in enumerate(names)})


def create(
    figure: Figure, count: int, labels: Sequence[str], note: str, strip: bool
) -> tuple[mpl.Figure, list[list[Plot]]]:
    """Returns an empty figure with title and note, and its axes: those of scores, and of strips."""
    columns = min(count, 2 if count in (2, 4) else _COLUMNS)
    down = math.ceil(count / columns)
    width = max(_SIZE[0] * columns + 0.4, 6.4)
    top = _TITLE + _ROW * _legend_rows(labels, width)
    lines = _wrapped(note, width)
    bottom = _NOTE * len(lines) + 0.06
    height = top + bottom + down * (_SIZE[1] + (0.9 if strip else 0.0))
    page = mpl.Figure(figsize=(width, height), layout="constrained")
    page.get_layout_engine().set(rect=(0, bottom / height, 1, 1 - (top + bottom) / height))  # type: ignore[union-attr]
    kinds = 2 if strip else 1
    grid = page.add_gridspec(down * kinds, columns, height_ratios=[4, 1][:kinds] * down)
    plots = [
        [page.add_subplot(grid[kinds * (i // columns) + kind, i % columns]) for i in range(count)]
        for kind in range(kinds)
    ]
    place = " on MinAtar" if figure.common.get("suite") == "minatar" else ""
    number = f"Figure {figure.number}{place}. " if figure.number.isdigit() else ""
    page.text(
        0.12 / width, 1 - 0.08 / height, number + figure.title, va="top", fontsize=12.5, fontweight="bold"
    )
    page.text(0.12 / width, 0.06 / height, "\n".join(lines), va="bottom", fontsize=8, color="#555555")
    return page, plots


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


def legend(page: mpl.Figure, look: Look, markers: bool = True) -> None:
    """Draws the names of the arms between title and axes."""
    width, height = page.get_size_inches()
    handles = [
        Line2D([], [], color=look.colours[name], marker=look.markers[name] if markers else "", markersize=5.5)
        for name in look.colours
    ]
    names = list(look.colours)
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
