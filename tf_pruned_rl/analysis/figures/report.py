"""A figure from its runs: pictures (PNG and PDF), their numbers as CSV, and sentences about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import matplotlib.figure as mpl

from tf_pruned_rl.analysis import curves, diagnosing, plotting
from tf_pruned_rl.analysis.figures import drawing, estimates, schedules, scores
from tf_pruned_rl.analysis.figures.estimates import Options
from tf_pruned_rl.analysis.figures.scores import MISSING, FigureRun, FigureScores
from tf_pruned_rl.analysis.figures.spec import Figure
from tf_pruned_rl.errors import UserError


def make(figure: Figure, runs: Path, out: Path, options: Options) -> Iterator[str]:
    """Draws a figure into the folder ``out``, and yields a line for everything worth saying about it.

    The files are ``figure_01.png``, ``.pdf`` and ``.csv``, with the figure's number.
    ``figure_01_runs.csv`` has a row for every run, missing ones included.

    Raises:
      UserError: it has no runs, or they cannot be drawn with these options, or ``out`` cannot be written.
    """
    number = f"{figure.number:0>2}" if figure.number.isdigit() else figure.number
    stem = out / f"figure_{number}"
    if figure.kind == "schedule":
        yield from _schedules(figure, stem)
    elif figure.kind in ("diagnostics", "covariance"):
        yield from _diagnostics(figure, runs, stem)
    elif figure.kind == "published":
        yield from _published(figure, runs, stem)
    else:
        yield from _scores(figure, runs, stem, options)


def _write(stem: Path, draw: Callable[[], mpl.Figure], columns: Sequence[str], rows: plotting.Rows) -> str:
    """Writes pictures and numbers; returns the sentence that says so."""
    plotting.draw_into((stem.with_suffix(".png"), stem.with_suffix(".pdf")), draw)
    plotting.write_table(stem.with_suffix(".csv"), columns, rows)
    return f"Drawn in {stem}.png and .pdf, numbers in {stem}.csv"


def _schedules(figure: Figure, stem: Path) -> Iterator[str]:
    rows = (
        row for panel in figure.panels for row in schedules.rows(panel, schedules.schedules(figure, panel))
    )
    yield _write(stem, lambda: drawing.draw_schedules(figure), schedules.COLUMNS, rows)


def _scores(figure: Figure, runs: Path, stem: Path, options: Options) -> Iterator[str]:
    options.check(figure)
    figure_scores = scores.collect(figure, runs)
    yield from figure_scores.notes
    subplots = figure_scores.subplots
    if not any(subplot.groups for subplot in subplots):
        raise UserError(f"no finished run of figure {figure.number} in {runs}: {_how_to_make(figure, runs)}")
    pairs = [(subplot, estimates.estimate(subplot, options)) for subplot in subplots]
    for subplot, groups in pairs:
        yield from (estimates.sentence(subplot, each, options) for each in groups)
    rows = (row for pair in pairs for row in estimates.rows(*pair, figure, options))
    yield _write(stem, lambda: drawing.draw(figure, pairs, options), estimates.COLUMNS, rows)
    table = _table(stem, "runs", estimates.RUN_COLUMNS, estimates.run_rows(figure_scores))
    yield f"Every run in {table}"
    for panel in figure.panels:
        if schedules.differ(panel):
            lines = schedules.schedules(figure, panel)
            table = _table(stem, "schedules", schedules.COLUMNS, schedules.rows(panel, lines))
            yield f"Schedules in {table}"
    if options.profiles:
        yield _profiles(figure_scores, stem)
    if options.improvement:
        yield from _improvements(figure_scores, stem, options)
    if options.differences:
        yield from _differences(figure_scores, stem, options)


def _profiles(figure_scores: FigureScores, stem: Path) -> str:
    pairs = [(subplot, estimates.profiles(subplot)) for subplot in figure_scores.subplots]
    rows = (
        row
        for subplot, profiles in pairs
        for group, thresholds, share in profiles
        for row in estimates.comparison_rows(subplot, group, share, thresholds=thresholds)
    )
    draw = lambda: drawing.draw_profiles(figure_scores.figure, pairs)  # noqa: E731
    return _write(_suffixed(stem, "profiles"), draw, estimates.COMPARISON_COLUMNS, rows)


def _improvements(figure_scores: FigureScores, stem: Path, options: Options) -> Iterator[str]:
    pairs = [(subplot, estimates.improvements(subplot, options)) for subplot in figure_scores.subplots]
    for subplot, improvements in pairs:
        for group, first, probability in improvements:
            label = subplot.label(group.arm, group.value)
            yield f"{label}: above {first.arm} with probability {probability.value[0]:.3f}"
    rows = (
        row
        for subplot, improvements in pairs
        for group, first, probability in improvements
        for row in estimates.comparison_rows(subplot, group, probability, over=first.arm)
    )
    draw = lambda: drawing.draw_improvements(figure_scores.figure, pairs)  # noqa: E731
    yield _write(_suffixed(stem, "improvement"), draw, estimates.COMPARISON_COLUMNS, rows)


def _differences(figure_scores: FigureScores, stem: Path, options: Options) -> Iterator[str]:
    subplots = [estimates.differences(subplot) for subplot in figure_scores.subplots]
    pairs = [(subplot, estimates.estimate(subplot, options)) for subplot in subplots]
    for subplot, groups in pairs:
        yield from (estimates.sentence(subplot, each, options) for each in groups)
    rows = (row for pair in pairs for row in estimates.rows(*pair, figure_scores.figure, options))
    yield f"Differences in {_table(stem, 'differences', estimates.COLUMNS, rows)}"


def _diagnostics(figure: Figure, runs: Path, stem: Path) -> Iterator[str]:
    """Draws figures 11 and 13: the panels, or the heat maps, of the measurements so far."""
    measured = _read(figure, runs, lambda run: bool(run.result and run.result.records.get("diagnostics")))
    yield from _incomplete(figure, measured)
    groups = diagnosing.groups([run.result for run in measured if run.result])
    maps = figure.kind == "covariance"
    yield from diagnosing.verdicts(groups)
    draw = lambda: diagnosing.heat_maps(groups) if maps else diagnosing.panels(groups)  # noqa: E731
    yield _write(stem, draw, diagnosing.COLUMNS, diagnosing.rows(groups))


def _published(figure: Figure, runs: Path, stem: Path) -> Iterator[str]:
    """Draws every run over the published band of its setting, and compares them."""
    recorded = _read(figure, runs, lambda run: run.result is not None)
    yield from _incomplete(figure, recorded)
    lines = curves.lines([run.result for run in recorded if run.result])
    yield from map(curves.verdict, lines)
    yield _write(stem, lambda: curves.draw(lines, figure.title), curves.COLUMNS, curves.rows(lines))


def _read(figure: Figure, runs: Path, usable: Callable[[FigureRun], bool]) -> tuple[FigureRun, ...]:
    """Returns a figure's runs, each once; those that are not ``usable`` as missing."""
    by_id = {run.plan.run_id: run for run in scores.read(figure, runs)}
    once = tuple(
        run if usable(run) else FigureRun(run.plan, run.directory, MISSING) for run in by_id.values()
    )
    if all(run.result is None for run in once):
        raise UserError(f"no run of figure {figure.number} in {runs}: {_how_to_make(figure, runs)}")
    return once


def _incomplete(figure: Figure, runs: Sequence[FigureRun]) -> Iterator[str]:
    for panel in figure.panels:
        for arm in panel.arms:
            of_arm = [run for run in runs if (run.plan.panel, run.plan.arm) == (panel.title, arm.label)]
            if note := scores.incomplete(of_arm):
                yield f"{panel.title}, {arm.label}: {note}"


def _how_to_make(figure: Figure, runs: Path) -> str:
    return f"make them by experiments/sweep.py --figure={figure.number} --runs={runs}, with the same --budget"


def _suffixed(stem: Path, word: str) -> Path:
    return stem.with_name(f"{stem.name}_{word}")


def _table(stem: Path, word: str, columns: Sequence[str], rows: plotting.Rows) -> Path:
    return plotting.write_table(_suffixed(stem, word).with_suffix(".csv"), columns, rows)
