"""What all pictures share: colours, style, and how they and their tables are written."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import ticker
from matplotlib.figure import Figure

from tf_pruned_rl.errors import UserError

# Okabe and Ito's colours, which every kind of colour vision can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_INK = "#333333"
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
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
}
DASHES = (0.0, (3.5, 1.4))
"""Line style of pruned runs."""
FORMATS = (".png", ".pdf", ".svg")
Rows = Iterable[Mapping[str, object]]


def colour(place: int) -> str:
    """Returns the colour of the line at a place in a list of lines."""
    return COLOURS[place % len(COLOURS)]


def thousands() -> ticker.Formatter:
    """Returns a formatter of tick labels such as ``12,000``."""
    return ticker.FuncFormatter(lambda value, _: f"{value:,g}")


def percent(scale: float = 100.0) -> ticker.Formatter:
    """Returns a formatter of tick labels such as ``95 %``, where ``scale`` is 100 %."""
    return ticker.PercentFormatter(scale, decimals=0, symbol=" %")


def draw_into(paths: Sequence[Path], figure: Callable[[], Figure], dpi: int = 200) -> None:
    """Draws ``figure()`` in this project's style into every one of ``paths``.

    Raises:
      UserError: a file has an unknown format or cannot be written.
    """
    for path in paths:
        if path.suffix not in FORMATS:
            raise UserError(f"cannot draw {path}: its name must end in one of {', '.join(FORMATS)}")
    with matplotlib.rc_context(STYLE):
        picture = figure()
        for path in paths:
            # A PDF would hold the time; without it, equal numbers give equal bytes.
            metadata = {"CreationDate": None} if path.suffix == ".pdf" else {}
            with _writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                picture.savefig(path, dpi=dpi, metadata=metadata)


def write_table(path: Path, columns: Sequence[str], rows: Rows) -> Path:
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


def write(out: Path, figure: Callable[[], Figure], columns: Sequence[str], rows: Rows) -> Path:
    """Draws ``figure()`` into ``out`` and writes ``rows`` to a CSV beside it; returns the CSV's path.

    Raises:
      UserError: as ``draw_into`` and ``write_table``.
    """
    draw_into((out,), figure)
    return write_table(out.with_suffix(".csv"), columns, rows)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turns an OSError into a UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write {error.filename or path} ({error.strerror}): give another --out"
        ) from None
