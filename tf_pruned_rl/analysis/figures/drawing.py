"""Draws scores: learning curves with intervals, final scores by width, replay ratio or method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import figure as mpl
from matplotlib import ticker
from matplotlib.axes import Axes as Plot
from matplotlib.lines import Line2D

from tf_pruned_rl.analysis.aggregate import Estimate
from tf_pruned_rl.analysis.curves import COLOURS, PALE
from tf_pruned_rl.analysis.figures import schedules
from tf_pruned_rl.analysis.figures.estimates import NAMES, Shown, Statistics
from tf_pruned_rl.analysis.figures.scores import Axes, Group
from tf_pruned_rl.analysis.figures.spec import TIME_AXES, Figure, Panel

_MARKERS = "osD^vPX*"
_SIZE = (4.3, 3.3)  # of one pair of axes, in inches
_TITLE, _ROW, _NOTE = (
    0.36,
    0.24,
    0.2,
)  # heights of the title, a row of the legend, a line of the note, in inches
_COLUMNS = 3
_FEW = 12  # points up to which each is marked


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
        return cls(colours, {name: _MARKERS[i % len(_MARKERS)] for i, name in enumerate(names)})


def draw(figure: Figure, drawn: Sequence[tuple[Axes, list[Shown]]], how: Statistics) -> mpl.Figure:
    """Returns the figure: a pair of axes for each panel, below it a strip of schedules where they differ."""
    look = Look.of([arm.label for panel in figure.panels for arm in panel.arms])
    strips = [schedules.differ(axes.panel) for axes, _ in drawn]
    sheet, plots = _sheet(figure, len(drawn), list(look.colours), _note(figure, drawn, how), any(strips))
    for i, ((axes, shown), strip) in enumerate(zip(drawn, strips, strict=True)):
        plot = plots[0][i]
        plot.set_title(axes.title, loc="left", fontsize=10.5, fontweight="bold")
        if axes.panel.x in TIME_AXES:
            _curves(plot, figure, axes, shown, look)
        else:
            _finals(plot, figure, axes, shown, look)
        plot.set_ylabel(_score_label(figure, axes, how))
        if not shown:
            plot.text(0.5, 0.5, "no finished run", transform=plot.transAxes, ha="center", color="#777777")
        if strip:
            below = plots[1][i]
            unit, word = _unit(figure.length)
            schedules.draw(below, schedules.lines(figure, axes.panel), look.colours, unit)
            below.set_xlabel(f"{word} {axes.panel.x}")
            plot.set_xlabel("")
            below.sharex(plot)
    _legend(sheet, look)
    return sheet


def draw_schedules(figure: Figure) -> mpl.Figure:
    """Returns a figure of schedules alone."""
    look = Look.of([arm.label for panel in figure.panels for arm in panel.arms])
    note = "Eq. 1 of the paper; the warm-up of a run, in which nothing is learned, is not counted"
    sheet, plots = _sheet(figure, len(figure.panels), list(look.colours), note, False)
    unit, word = _unit(figure.length)
    for plot, panel in zip(plots[0], figure.panels, strict=True):
        schedules.draw(plot, schedules.lines(figure, panel), look.colours, unit)
        plot.set_xlabel(f"{word} {panel.x}")
        plot.set_xlim(0, figure.length / unit)
        _grid(plot)
    _legend(sheet, look, markers=False)
    return sheet


def draw_profiles(
    figure: Figure, drawn: Sequence[tuple[Axes, list[tuple[Group, np.ndarray, Estimate]]]]
) -> mpl.Figure:
    """Returns performance profiles: a line style for each value of the flag that varies."""
    look = Look.of([arm.label for panel in figure.panels for arm in panel.arms])
    note = "share of runs, over all games and seeds, whose final score is above; 95 % stratified bootstrap"
    sheet, plots = _sheet(figure, len(drawn), list(look.colours), note, False)
    styles = ["-", (0, (4, 1.5)), (0, (1.2, 1.2)), (0, (5, 1, 1, 1))]
    for plot, (axes, found) in zip(plots[0], drawn, strict=True):
        plot.set_title(axes.title, loc="left", fontsize=10.5, fontweight="bold")
        values = list(axes.panel.values) or [None]
        for group, taus, share in found:
            colour, style = look.colours[group.arm], styles[values.index(group.value) % len(styles)]
            plot.plot(
                taus, 100 * share.value, color=colour, linestyle=style, linewidth=1.6, drawstyle="steps-post"
            )
            plot.fill_between(
                taus, 100 * share.low, 100 * share.high, color=colour, alpha=0.1, linewidth=0, step="post"
            )
        if len(values) > 1:
            handles = [Line2D([], [], color="#555555", linestyle=style) for style in styles]
            _inner_legend(plot, handles, axes.panel)
        plot.set_ylim(-3, 103)
        plot.yaxis.set_major_formatter(ticker.PercentFormatter(decimals=0, symbol=" %"))
        plot.set_xlabel("score above" if axes.normalised else "return above")
        plot.set_ylabel("runs")
        _grid(plot)
    _legend(sheet, look, markers=False)
    return sheet


def draw_improvements(
    figure: Figure, drawn: Sequence[tuple[Axes, list[tuple[Group, Group, Estimate]]]]
) -> mpl.Figure:
    """Returns probabilities of improvement over each panel's first arm, one row for each other group."""
    look = Look.of([arm.label for panel in figure.panels for arm in panel.arms])
    note = (
        "probability that a run scores above one of the first arm on the same game; 95 % stratified bootstrap"
    )
    sheet, plots = _sheet(figure, len(drawn), list(look.colours), note, False)
    for plot, (axes, found) in zip(plots[0], drawn, strict=True):
        plot.set_title(
            f"{axes.title}: over {axes.panel.arms[0].label}", loc="left", fontsize=10.5, fontweight="bold"
        )
        names = []
        for row, (group, _, better) in enumerate(found):
            _errorbar(plot, better.value[0], row, better, look, group.arm, horizontal=True)
            names.append(
                group.arm if group.value is None else f"{group.arm}, {_value(axes.panel, group.value)}"
            )
        plot.axvline(0.5, color="#999999", linewidth=0.8)
        plot.set_xlim(-0.02, 1.02)
        plot.set_yticks(range(len(names)), names)
        plot.set_ylim(len(names) - 0.4, -0.6)
        plot.set_xlabel("probability of improvement")
        plot.grid(axis="x", color=PALE, linewidth=0.5)
    _legend(sheet, look)
    return sheet


def _sheet(
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
    sheet = mpl.Figure(figsize=(width, height), layout="constrained")
    sheet.get_layout_engine().set(rect=(0, bottom / height, 1, 1 - (top + bottom) / height))  # type: ignore[union-attr]
    kinds = 2 if strip else 1
    grid = sheet.add_gridspec(down * kinds, columns, height_ratios=[4, 1][:kinds] * down)
    plots = [
        [sheet.add_subplot(grid[kinds * (i // columns) + kind, i % columns]) for i in range(count)]
        for kind in range(kinds)
    ]
    place = " on MinAtar" if figure.common.get("suite") == "minatar" else ""
    number = f"Figure {figure.number}{place}. " if figure.number.isdigit() else ""
    sheet.text(
        0.12 / width, 1 - 0.08 / height, number + figure.title, va="top", fontsize=12.5, fontweight="bold"
    )
    sheet.text(0.12 / width, 0.06 / height, "\n".join(lines), va="bottom", fontsize=8, color="#555555")
    return sheet, plots


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


def _legend(sheet: mpl.Figure, look: Look, markers: bool = True) -> None:
    """Draws the arms between the title and the axes."""
    width, height = sheet.get_size_inches()
    handles = [
        Line2D([], [], color=look.colours[name], marker=look.markers[name] if markers else "", markersize=5.5)
        for name in look.colours
    ]
    names = list(look.colours)
    sheet.legend(
        handles,
        names,
        loc="upper left",
        bbox_to_anchor=(0.05 / width, 1 - (_TITLE - 0.06) / height),
        ncols=_legend_columns(names, width),
        frameon=False,
        handlelength=1.7,
        columnspacing=1.4,
    )


def _inner_legend(plot: Plot, handles: Sequence[Line2D], panel: Panel) -> None:
    """Draws what the values of the varied flag look like, at the right of the title."""
    plot.legend(
        list(handles)[: len(panel.values)],
        [_value(panel, value) for value in panel.values],
        loc="lower right",
        bbox_to_anchor=(1.02, 0.985),
        ncols=len(panel.values),
        frameon=False,
        fontsize=8,
        handlelength=1.4,
        handletextpad=0.3,
        columnspacing=0.8,
    )


def _value(panel: Panel, value: float) -> str:
    return f"{panel.varied.replace('_', ' ')} {value:g}"


def _curves(plot: Plot, figure: Figure, axes: Axes, shown: Sequence[Shown], look: Look) -> None:
    """Draws estimates over training, their intervals shaded."""
    panel = axes.panel
    unit, word = (1.0, "") if panel.x == "iteration" else _unit(figure.length)
    for each in shown:
        arm, found = each.group.arm, each.estimate
        x = np.arange(1, len(each.frames) + 1) if panel.x == "iteration" else each.frames / unit
        colour, few = look.colours[arm], len(x) <= _FEW
        fewer = each.group.seeds < figure.seeds
        plot.fill_between(x, found.low, found.high, color=colour, alpha=0.16, linewidth=0)
        plot.plot(
            x,
            found.value,
            color=colour,
            linewidth=1.7,
            marker=look.markers[arm] if few else "",
            markersize=5,
            markerfacecolor="white" if fewer else colour,
            linestyle=(0, (4, 1.5)) if fewer else "-",
        )
        if fewer:
            _mark(plot, x[-1], found.value[-1], each.group, colour)
    plot.set_xlabel(f"{word} {panel.x}".strip())
    if shown:
        plot.set_xlim(left=0)
    _grid(plot)
    _from_zero(plot, axes)


def _finals(plot: Plot, figure: Figure, axes: Axes, shown: Sequence[Shown], look: Look) -> None:
    """Draws final scores with intervals: by the flag that varies, or with the arms side by side."""
    panel = axes.panel
    by_method = panel.x == "method"
    arms, values = [arm.label for arm in panel.arms], list(panel.values) or [None]
    ticks, others = (arms, values) if by_method else (values, arms)
    width = min(0.16, 0.6 / len(others))  # between neighbours at one place of the axis
    places: dict[str, list[tuple[float, float]]] = {}
    for each in shown:
        group = each.group
        tick, other = (group.arm, group.value) if by_method else (group.value, group.arm)
        x = ticks.index(tick) + width * (others.index(other) - (len(others) - 1) / 2)
        marker = _MARKERS[values.index(group.value)] if by_method else look.markers[group.arm]
        fewer = group.seeds < figure.seeds
        _errorbar(
            plot, x, each.estimate.value[0], each.estimate, look, group.arm, marker=marker, hollow=fewer
        )
        if fewer:
            _mark(plot, x, each.estimate.value[0], group, look.colours[group.arm])
        places.setdefault(group.arm, []).append((x, each.estimate.value[0]))
    for arm, line in places.items():
        plot.plot(*zip(*line, strict=True), color=look.colours[arm], linewidth=1.0, alpha=0.55, zorder=2)
    if by_method:
        plot.set_xticks(range(len(ticks)), ticks, rotation=30, ha="right", rotation_mode="anchor")
        if len(values) > 1:
            handles = [Line2D([], [], color="#555555", marker=marker, linestyle="") for marker in _MARKERS]
            _inner_legend(plot, handles, panel)
    else:
        plot.set_xticks(range(len(ticks)), [f"{tick:g}" for tick in values if tick is not None])
        plot.set_xlabel(panel.varied.replace("_", " "))
    plot.set_xlim(-0.5, len(ticks) - 0.5)
    _grid(plot)
    _from_zero(plot, axes)


def _errorbar(
    plot: Plot,
    x: float,
    y: float,
    found: Estimate,
    look: Look,
    arm: str,
    *,
    marker: str = "",
    hollow: bool = False,
    horizontal: bool = False,
) -> None:
    """Draws a point with its interval, which is across where ``horizontal``."""
    ends = np.nan_to_num([found.value - found.low, found.high - found.value])
    colour = look.colours[arm]
    plot.errorbar(
        x,
        y,
        **{"xerr" if horizontal else "yerr": ends},
        color=colour,
        marker=marker or look.markers[arm],
        markersize=6.5,
        markerfacecolor="white" if hollow else colour,
        capsize=3,
        linewidth=1.4,
        zorder=3,
    )


def _mark(plot: Plot, x: float, y: float, group: Group, colour: str) -> None:
    """Says how many seeds a group has, beside its last point."""
    plot.annotate(
        f"n={group.seeds}",
        (x, y),
        (6, 3),
        textcoords="offset points",
        fontsize=7.5,
        color=colour,
        annotation_clip=False,
    )


def _grid(plot: Plot) -> None:
    plot.grid(axis="y", color=PALE, linewidth=0.5)
    plot.set_axisbelow(True)
    plot.yaxis.set_major_locator(ticker.MaxNLocator(6, steps=[1, 2, 5, 10]))


def _from_zero(plot: Plot, axes: Axes) -> None:
    """Begins the y axis at 0 where scores are normalised and none is below it."""
    plot.margins(y=0.06)
    if axes.normalised and plot.get_ylim()[0] > 0:
        plot.set_ylim(bottom=0)
    if not axes.normalised:
        plot.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,g}"))


def _unit(length: int) -> tuple[float, str]:
    """Returns the frames of one unit of an axis, and its name."""
    return (1e6, "million") if length >= 2e6 else (1e3, "thousand") if length >= 2e3 else (1.0, "")


def _score_label(figure: Figure, axes: Axes, how: Statistics) -> str:
    """Returns what the y axis is."""
    short = "IQM" if how.name(axes) == "iqm" else NAMES[how.name(axes)]
    if not axes.normalised:
        kind = "evaluation returns" if figure.score == "evaluation" else "training returns"
    elif figure.common.get("suite") == "minatar":
        kind = "scores, random to best"
    else:
        kind = "human-normalised scores"
    return f"{short} of {kind}"


def _note(figure: Figure, drawn: Sequence[tuple[Axes, list[Shown]]], how: Statistics) -> str:
    """Returns the lines below a figure: how many runs, how long, what the intervals are."""
    games = sorted({len(each.group.tasks) for axes, shown in drawn for each in shown if axes.normalised})
    counted = "/".join(map(str, games)) or "0"
    tasks = f"{counted} game{'s' if games != [1] else ''} x " if figure.normalised else ""
    fewer = any(each.group.seeds < figure.seeds for _, shown in drawn for each in shown)
    seeds = f"{figure.seeds} seed{'s' if figure.seeds > 1 else ''}"
    parts = [
        f"{NAMES[how.name(drawn[0][0])]} over {tasks}{seeds}"
        + (f", {NAMES[how.name(drawn[-1][0])]} over {seeds} of one game" if figure.each_task else "")
        + (" (hollow, with n: fewer)" if fewer else ""),
        f"runs of {figure.length:,} {_word(figure)}",
        f"95 % stratified bootstrap intervals, {how.repetitions:,} repetitions",
    ]
    if figure.normalised and figure.common.get("suite") == "minatar":
        parts.append("a score of 0 is random play, 1 the best run of this figure in that game")
    return "; ".join(parts)


def _word(figure: Figure) -> str:
    return "steps" if figure.command == "continuous" else "frames"
