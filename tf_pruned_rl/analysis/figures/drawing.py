"""Draws scores: learning curves with intervals, final scores by width, replay ratio or method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import figure as mpl
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.typing import LineStyleType

from tf_pruned_rl.analysis import plotting
from tf_pruned_rl.analysis.aggregate import Estimate
from tf_pruned_rl.analysis.figures import layout, schedules
from tf_pruned_rl.analysis.figures.estimates import NAMES, GroupEstimate, Options
from tf_pruned_rl.analysis.figures.layout import MARKERS, ArmStyles
from tf_pruned_rl.analysis.figures.scores import ScoreGroup, Subplot
from tf_pruned_rl.analysis.figures.spec import TIME_AXES, Figure, Panel
from tf_pruned_rl.environments import games

_FEW = 12
"""Points up to which each has a marker."""
_LINE_STYLES: Sequence[LineStyleType] = ("-", (0, (4, 1.5)), (0, (1.2, 1.2)), (0, (5, 1, 1, 1)))
"""Line styles of a performance profile, by the value of the varied flag."""
_Pairs = Sequence[tuple[Subplot, list[GroupEstimate]]]


def draw(figure: Figure, pairs: _Pairs, options: Options) -> mpl.Figure:
    """Returns the figure: axes for each subplot, with a strip of schedules below where they differ."""
    styles = ArmStyles.of(figure)
    strips = [schedules.differ(subplot.panel) for subplot, _ in pairs]
    note = _note(figure, pairs, options)
    page, cells = layout.create(figure, len(pairs), list(styles.colours), note, any(strips))
    for place, ((subplot, estimates), strip) in enumerate(zip(pairs, strips, strict=True)):
        axes, panel = cells[0][place], subplot.panel
        _title(axes, subplot.title)
        draw_scores = _curves if panel.x in TIME_AXES else _finals
        draw_scores(axes, figure, subplot, estimates, styles)
        axes.set_ylabel(_score_label(figure, subplot, options))
        if not estimates:
            axes.text(0.5, 0.5, "no finished run", transform=axes.transAxes, ha="center", color="#777777")
        if strip:
            below = cells[1][place]
            unit, prefix = _unit(figure.length)
            schedules.draw(below, schedules.schedules(figure, panel), styles.colours, unit)
            below.set_xlabel(f"{prefix} {panel.x}")
            axes.set_xlabel("")
            below.sharex(axes)
    layout.legend(page, styles)
    return page


def draw_schedules(figure: Figure) -> mpl.Figure:
    """Returns a figure of schedules alone."""
    styles = ArmStyles.of(figure)
    note = "Eq. 1 of the paper; the warm-up of a run, in which nothing is learned, is not counted"
    page, cells = layout.create(figure, len(figure.panels), list(styles.colours), note, False)
    unit, prefix = _unit(figure.length)
    for axes, panel in zip(cells[0], figure.panels, strict=True):
        schedules.draw(axes, schedules.schedules(figure, panel), styles.colours, unit)
        axes.set_xlabel(f"{prefix} {panel.x}")
        axes.set_xlim(0, figure.length / unit)
        _grid(axes)
    layout.legend(page, styles, markers=False)
    return page


def draw_profiles(
    figure: Figure, pairs: Sequence[tuple[Subplot, list[tuple[ScoreGroup, np.ndarray, Estimate]]]]
) -> mpl.Figure:
    """Returns performance profiles: a line style for each value of the varied flag."""
    styles = ArmStyles.of(figure)
    note = "share of runs, over all games and seeds, whose final score is above; 95 % stratified bootstrap"
    page, cells = layout.create(figure, len(pairs), list(styles.colours), note, False)
    for axes, (subplot, profiles) in zip(cells[0], pairs, strict=True):
        _title(axes, subplot.title)
        values: list[float | None] = list(subplot.panel.values) or [None]
        for group, thresholds, share in profiles:
            colour = styles.colours[group.arm]
            dashes = _LINE_STYLES[values.index(group.value) % len(_LINE_STYLES)]
            low, middle, high = 100 * share.low, 100 * share.value, 100 * share.high
            axes.plot(
                thresholds, middle, color=colour, linestyle=dashes, linewidth=1.6, drawstyle="steps-post"
            )
            axes.fill_between(thresholds, low, high, color=colour, alpha=0.1, linewidth=0, step="post")
        if len(values) > 1:
            handles = [Line2D([], [], color="#555555", linestyle=dashes) for dashes in _LINE_STYLES]
            _inner_legend(axes, handles, subplot.panel)
        axes.set_ylim(-3, 103)
        axes.yaxis.set_major_formatter(plotting.percent())
        axes.set_xlabel("score above" if subplot.normalised else "return above")
        axes.set_ylabel("runs")
        _grid(axes)
    layout.legend(page, styles, markers=False)
    return page


def draw_improvements(
    figure: Figure, pairs: Sequence[tuple[Subplot, list[tuple[ScoreGroup, ScoreGroup, Estimate]]]]
) -> mpl.Figure:
    """Returns probabilities of improvement over each panel's first arm, one row for each other group."""
    styles = ArmStyles.of(figure)
    note = (
        "probability that a run scores above one of the first arm on the same game; 95 % stratified bootstrap"
    )
    page, cells = layout.create(figure, len(pairs), list(styles.colours), note, False)
    for axes, (subplot, improvements) in zip(cells[0], pairs, strict=True):
        panel = subplot.panel
        _title(axes, f"{subplot.title}: over {panel.arms[0].label}")
        for row, (group, _, probability) in enumerate(improvements):
            _errorbar(axes, probability.value[0], row, probability, styles, group.arm, horizontal=True)
        names = [
            ", ".join(filter(None, (group.arm, panel.value_label(group.value))))
            for group, _, _ in improvements
        ]
        axes.axvline(0.5, color="#999999", linewidth=0.8)
        axes.set_xlim(-0.02, 1.02)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlabel("probability of improvement")
        axes.grid(axis="x")
    layout.legend(page, styles)
    return page


def _title(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold")


def _inner_legend(axes: Axes, handles: Sequence[Line2D], panel: Panel) -> None:
    """Draws a legend of the varied flag's values at the right of the title."""
    axes.legend(
        list(handles)[: len(panel.values)],
        [panel.value_label(value) for value in panel.values],
        loc="lower right",
        bbox_to_anchor=(1.02, 0.985),
        ncols=len(panel.values),
        frameon=False,
        fontsize=8,
        handlelength=1.4,
        handletextpad=0.3,
        columnspacing=0.8,
    )


def _curves(
    axes: Axes, figure: Figure, subplot: Subplot, estimates: Sequence[GroupEstimate], styles: ArmStyles
) -> None:
    """Draws estimates over training, their intervals shaded."""
    panel = subplot.panel
    unit, prefix = (1.0, "") if panel.x == "iteration" else _unit(figure.length)
    for each in estimates:
        arm, numbers = each.group.arm, each.estimate
        x = np.arange(1, len(each.frames) + 1) if panel.x == "iteration" else each.frames / unit
        colour, few = styles.colours[arm], len(x) <= _FEW
        fewer = each.group.seeds < figure.seeds
        axes.fill_between(x, numbers.low, numbers.high, color=colour, alpha=0.16, linewidth=0)
        axes.plot(
            x,
            numbers.value,
            color=colour,
            linewidth=1.7,
            marker=styles.markers[arm] if few else "",
            markersize=5,
            markerfacecolor="white" if fewer else colour,
            linestyle=(0, (4, 1.5)) if fewer else "-",
        )
        if fewer:
            _mark(axes, x[-1], numbers.value[-1], each.group, colour)
    axes.set_xlabel(f"{prefix} {panel.x}".strip())
    if panel.x == "iteration":
        axes.xaxis.set_major_locator(ticker.MaxNLocator(6, integer=True))
    if estimates:
        axes.set_xlim(left=0)
    _grid(axes)
    _from_zero(axes, subplot)


def _finals(
    axes: Axes, figure: Figure, subplot: Subplot, estimates: Sequence[GroupEstimate], styles: ArmStyles
) -> None:
    """Draws final scores with intervals: by the flag that varies, or with the arms side by side."""
    panel = subplot.panel
    by_method = panel.x == "method"
    arms: list[Any] = [arm.label for arm in panel.arms]
    values: list[Any] = list(panel.values) or [None]
    ticks, others = (arms, values) if by_method else (values, arms)
    width = min(0.16, 0.6 / len(others))  # between neighbours at one tick
    places: dict[str, list[tuple[float, float]]] = {}
    for each in estimates:
        group = each.group
        tick, other = (group.arm, group.value) if by_method else (group.value, group.arm)
        x = ticks.index(tick) + width * (others.index(other) - (len(others) - 1) / 2)
        marker = MARKERS[values.index(group.value)] if by_method else styles.markers[group.arm]
        fewer = group.seeds < figure.seeds
        _errorbar(
            axes, x, each.estimate.value[0], each.estimate, styles, group.arm, marker=marker, hollow=fewer
        )
        if fewer:
            _mark(axes, x, each.estimate.value[0], group, styles.colours[group.arm])
        places.setdefault(group.arm, []).append((x, each.estimate.value[0]))
    for arm, line in places.items():
        axes.plot(*zip(*line, strict=True), color=styles.colours[arm], linewidth=1.0, alpha=0.55, zorder=2)
    if by_method:
        axes.set_xticks(range(len(ticks)), ticks, rotation=30, ha="right", rotation_mode="anchor")
        if len(values) > 1:
            handles = [Line2D([], [], color="#555555", marker=marker, linestyle="") for marker in MARKERS]
            _inner_legend(axes, handles, panel)
    else:
        axes.set_xticks(range(len(ticks)), [f"{tick:g}" for tick in values if tick is not None])
        axes.set_xlabel(panel.varied.replace("_", " "))
    axes.set_xlim(-0.5, len(ticks) - 0.5)
    _random_play(axes, figure, subplot)
    _grid(axes)
    _from_zero(axes, subplot)


def _random_play(axes: Axes, figure: Figure, subplot: Subplot) -> None:
    """Marks the mean return of random play, where axes show one game of MinAtar."""
    if subplot.normalised or figure.common.get("suite") != "minatar" or not subplot.groups:
        return
    (task,) = subplot.groups[0].tasks
    level = games.MINATAR[task].random
    axes.axhline(level, color="#999999", linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
    axes.annotate(
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
    axes: Axes,
    x: float,
    y: float,
    numbers: Estimate,
    styles: ArmStyles,
    arm: str,
    *,
    marker: str = "",
    hollow: bool = False,
    horizontal: bool = False,
) -> None:
    """Draws a point with its interval: vertical, or ``horizontal``."""
    ends = np.nan_to_num([numbers.value - numbers.low, numbers.high - numbers.value])
    bar: dict[str, Any] = {"xerr" if horizontal else "yerr": ends}
    colour = styles.colours[arm]
    axes.errorbar(
        x,
        y,
        **bar,
        color=colour,
        marker=marker or styles.markers[arm],
        markersize=6.5,
        markerfacecolor="white" if hollow else colour,
        capsize=3,
        linewidth=1.4,
        zorder=3,
    )


def _mark(axes: Axes, x: float, y: float, group: ScoreGroup, colour: str) -> None:
    """Writes the number of a group's seeds beside its last point."""
    axes.annotate(
        f"n={group.seeds}",
        (x, y),
        (6, 3),
        textcoords="offset points",
        fontsize=7.5,
        color=colour,
        annotation_clip=False,
    )


def _grid(axes: Axes) -> None:
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.yaxis.set_major_locator(ticker.MaxNLocator(6, steps=[1, 2, 5, 10]))


def _from_zero(axes: Axes, subplot: Subplot) -> None:
    """Starts the y axis at 0 unless a score is below it; curves of returns fill the axes instead."""
    axes.margins(y=0.06)
    if (subplot.normalised or subplot.panel.x not in TIME_AXES) and axes.get_ylim()[0] > 0:
        axes.set_ylim(bottom=0)
    if not subplot.normalised:
        axes.yaxis.set_major_formatter(plotting.thousands())


def _unit(length: int) -> tuple[float, str]:
    """Returns the frames of one unit of an axis, and its name."""
    return (1e6, "million") if length >= 2e6 else (1e3, "thousand") if length >= 2e3 else (1.0, "")


def _score_label(figure: Figure, subplot: Subplot, options: Options) -> str:
    """Returns the label of the y axis."""
    short = "IQM" if options.name(subplot) == "iqm" else NAMES[options.name(subplot)]
    if not subplot.normalised:
        kind = "evaluation returns" if figure.score == "evaluation" else "training returns"
    elif figure.common.get("suite") == "minatar":
        kind = "scores, random to best"
    else:
        kind = "human-normalised scores"
    return f"{short} of {kind}"


def _note(figure: Figure, pairs: _Pairs, options: Options) -> str:
    """Returns the note below a figure: how many runs, how long, and what the intervals are."""
    groups = [each.group for _, estimates in pairs for each in estimates]
    counts = sorted(
        {len(each.group.tasks) for subplot, estimates in pairs for each in estimates if subplot.normalised}
    )
    tasks = f"{'/'.join(map(str, counts)) or '0'} game{'s' if counts != [1] else ''} x "
    seeds = f"{figure.seeds} seed{'s' if figure.seeds > 1 else ''}"
    first, last = (NAMES[options.name(pairs[place][0])] for place in (0, -1))
    intervals = any(np.isfinite(each.estimate.low).any() for _, estimates in pairs for each in estimates)
    parts = [
        f"{first} over {tasks if figure.normalised else ''}{seeds}"
        + (f", {last} over {seeds} of one game" if figure.each_task else "")
        + (" (hollow, with n: fewer)" if any(group.seeds < figure.seeds for group in groups) else ""),
        f"runs of {figure.length:,} {_length_unit(figure)}",
        f"95 % stratified bootstrap intervals, {options.repetitions:,} repetitions"
        if intervals
        else "no intervals of single seeds",
    ]
    if figure.normalised and figure.common.get("suite") == "minatar":
        parts.append("a score of 0 is random play, 1 the best run of this figure in that game")
    return "; ".join(parts)


def _length_unit(figure: Figure) -> str:
    return {"continuous": "steps", "offline": "gradient steps"}.get(figure.command, "frames")
