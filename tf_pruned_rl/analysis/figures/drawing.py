"""Draws scores: learning curves with intervals, final scores by width, replay ratio or method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import figure as mpl
from matplotlib import ticker
from matplotlib.axes import Axes as Plot
from matplotlib.lines import Line2D

from tf_pruned_rl.analysis.aggregate import Estimate
from tf_pruned_rl.analysis.curves import PALE
from tf_pruned_rl.analysis.figures import schedules, sheet
from tf_pruned_rl.analysis.figures.estimates import NAMES, Shown, Statistics
from tf_pruned_rl.analysis.figures.scores import Axes, Group
from tf_pruned_rl.analysis.figures.sheet import MARKERS, Look
from tf_pruned_rl.analysis.figures.spec import TIME_AXES, Figure, Panel
from tf_pruned_rl.environments import games

_FEW = 12  # points up to which each is marked


def draw(figure: Figure, drawn: Sequence[tuple[Axes, list[Shown]]], how: Statistics) -> mpl.Figure:
    """Returns the figure: a pair of axes for each panel, below it a strip of schedules where they differ."""
    look = Look.of([arm.label for panel in figure.panels for arm in panel.arms])
    strips = [schedules.differ(axes.panel) for axes, _ in drawn]
    page, plots = sheet.create(figure, len(drawn), list(look.colours), _note(figure, drawn, how), any(strips))
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
    sheet.legend(page, look)
    return page


def draw_schedules(figure: Figure) -> mpl.Figure:
    """Returns a figure of schedules alone."""
    look = Look.of([arm.label for panel in figure.panels for arm in panel.arms])
    note = "Eq. 1 of the paper; the warm-up of a run, in which nothing is learned, is not counted"
    page, plots = sheet.create(figure, len(figure.panels), list(look.colours), note, False)
    unit, word = _unit(figure.length)
    for plot, panel in zip(plots[0], figure.panels, strict=True):
        schedules.draw(plot, schedules.lines(figure, panel), look.colours, unit)
        plot.set_xlabel(f"{word} {panel.x}")
        plot.set_xlim(0, figure.length / unit)
        _grid(plot)
    sheet.legend(page, look, markers=False)
    return page


def draw_profiles(
    figure: Figure, drawn: Sequence[tuple[Axes, list[tuple[Group, np.ndarray, Estimate]]]]
) -> mpl.Figure:
    """Returns performance profiles: a line style for each value of the flag that varies."""
    look = Look.of([arm.label for panel in figure.panels for arm in panel.arms])
    note = "share of runs, over all games and seeds, whose final score is above; 95 % stratified bootstrap"
    page, plots = sheet.create(figure, len(drawn), list(look.colours), note, False)
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
    sheet.legend(page, look, markers=False)
    return page


def draw_improvements(
    figure: Figure, drawn: Sequence[tuple[Axes, list[tuple[Group, Group, Estimate]]]]
) -> mpl.Figure:
    """Returns probabilities of improvement over each panel's first arm, one row for each other group."""
    look = Look.of([arm.label for panel in figure.panels for arm in panel.arms])
    note = (
        "probability that a run scores above one of the first arm on the same game; 95 % stratified bootstrap"
    )
    page, plots = sheet.create(figure, len(drawn), list(look.colours), note, False)
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
    sheet.legend(page, look)
    return page


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
    if panel.x == "iteration":
        plot.xaxis.set_major_locator(ticker.MaxNLocator(6, integer=True))
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
        marker = MARKERS[values.index(group.value)] if by_method else look.markers[group.arm]
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
            handles = [Line2D([], [], color="#555555", marker=marker, linestyle="") for marker in MARKERS]
            _inner_legend(plot, handles, panel)
    else:
        plot.set_xticks(range(len(ticks)), [f"{tick:g}" for tick in values if tick is not None])
        plot.set_xlabel(panel.varied.replace("_", " "))
    plot.set_xlim(-0.5, len(ticks) - 0.5)
    _random_play(plot, figure, axes)
    _grid(plot)
    _from_zero(plot, axes)


def _random_play(plot: Plot, figure: Figure, axes: Axes) -> None:
    """Marks the mean return of random play, in a game of MinAtar."""
    if axes.normalised or figure.common.get("suite") != "minatar" or not axes.groups:
        return
    (task,) = axes.groups[0].tasks
    level = games.MINATAR[task].random
    plot.axhline(level, color="#999999", linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
    plot.annotate(
        "random play",
        (1, level),
        (-3, 3),
        ("axes fraction", "data"),
        "offset points",
        ha="right",
        va="bottom",
        fontsize=7.5,
        color="#777777",
    )


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
    """Begins the y axis at 0 where none is below it; curves of returns are drawn as large as they can be."""
    plot.margins(y=0.06)
    if (axes.normalised or axes.panel.x not in TIME_AXES) and plot.get_ylim()[0] > 0:
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
    counts = sorted({len(each.group.tasks) for axes, shown in drawn for each in shown if axes.normalised})
    counted = "/".join(map(str, counts)) or "0"
    tasks = f"{counted} game{'s' if counts != [1] else ''} x " if figure.normalised else ""
    fewer = any(each.group.seeds < figure.seeds for _, shown in drawn for each in shown)
    seeds = f"{figure.seeds} seed{'s' if figure.seeds > 1 else ''}"
    parts = [
        f"{NAMES[how.name(drawn[0][0])]} over {tasks}{seeds}"
        + (f", {NAMES[how.name(drawn[-1][0])]} over {seeds} of one game" if figure.each_task else "")
        + (" (hollow, with n: fewer)" if fewer else ""),
        f"runs of {figure.length:,} {_word(figure)}",
        f"95 % stratified bootstrap intervals, {how.repetitions:,} repetitions"
        if any(np.isfinite(each.estimate.low).any() for _, shown in drawn for each in shown)
        else "no intervals of single seeds",
    ]
    if figure.normalised and figure.common.get("suite") == "minatar":
        parts.append("a score of 0 is random play, 1 the best run of this figure in that game")
    return "; ".join(parts)


def _word(figure: Figure) -> str:
    """Returns what the length of its runs is counted in."""
    return {"continuous": "steps", "offline": "gradient steps"}.get(figure.command, "frames")
