"""A figure from its runs: the pictures (PNG and PDF), their numbers as CSV, and what to tell the user."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.figure as mpl

from tf_pruned_rl.analysis import curves, diagnosing
from tf_pruned_rl.analysis.figures import drawing, estimates, schedules, scores
from tf_pruned_rl.analysis.figures.estimates import Statistics
from tf_pruned_rl.analysis.figures.scores import MISSING, Scores, Seen
from tf_pruned_rl.analysis.figures.spec import Figure
from tf_pruned_rl.errors import UserError

_Rows = Iterator[Mapping[str, object]]


@dataclass(frozen=True)
class Wishes:
    """What is asked for, besides the figure."""

    statistic: str = ""
    """A name in ``aggregate.STATISTICS``; empty takes the figure's own."""
    repetitions: int = 50_000
    """Of the bootstrap."""
    profiles: bool = False
    """Performance profiles, too."""
    improvement: bool = False
    """Probabilities of improvement, too."""
    differences: bool = False
    """Differences to the first arm, seed by seed, too."""


def make(figure: Figure, runs: Path, out: Path, wishes: Wishes) -> Iterator[str]:
    """Draws a figure into the folder ``out``, and yields what there is to say, line by line.

    Files are called ``figure_01.png``, ``.pdf``, ``.csv``, and so on by the figure's number;
    ``figure_01_runs.csv`` has a row for every run, those that are missing included.

    Raises:
      UserError: there are no runs of it, or they are not of a kind that can be drawn so, or ``out``
        cannot be written.
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
        yield from _scores(figure, runs, stem, wishes)


def _write(stem: Path, draw: Callable[[], mpl.Figure], columns: Sequence[str], rows: _Rows) -> str:
    """Writes pictures and numbers; returns the sentence that says so."""
    curves.write(stem.with_suffix(".png"), draw, columns, rows, also=(stem.with_suffix(".pdf"),))
    return f"Drawn in {stem}.png and .pdf, numbers in {stem}.csv"


def _schedules(figure: Figure, stem: Path) -> Iterator[str]:
    rows = (row for panel in figure.panels for row in schedules.rows(panel, schedules.lines(figure, panel)))
    draw = lambda: drawing.draw_schedules(figure)  # noqa: E731
    yield _write(stem, draw, ("panel", "arm", "frames", "sparsity"), rows)


def _scores(figure: Figure, runs: Path, stem: Path, wishes: Wishes) -> Iterator[str]:
    how = Statistics.of(figure, wishes.statistic, wishes.repetitions)
    found = scores.collect(figure, runs)
    yield from found.notes
    if not any(axes.groups for axes in found.axes):
        raise UserError(f"no finished run of figure {figure.number} in {runs}: {_make_them(figure, runs)}")
    drawn = [(axes, estimates.estimated(axes, how)) for axes in found.axes]
    for axes, shown in drawn:
        yield from (estimates.sentence(axes, each, how) for each in shown)
    rows = (row for axes, shown in drawn for row in estimates.rows(axes, shown, figure, how))
    yield _write(stem, lambda: drawing.draw(figure, drawn, how), estimates.COLUMNS, rows)
    table = curves.write_table(
        _named(stem, "runs").with_suffix(".csv"), estimates.RUN_COLUMNS, estimates.run_rows(found)
    )
    yield f"Every run in {table}"
    for panel in figure.panels:
        if schedules.differ(panel):
            lines = schedules.lines(figure, panel)
            table = _named(stem, "schedules").with_suffix(".csv")
            curves.write_table(table, ("panel", "arm", "frames", "sparsity"), schedules.rows(panel, lines))
            yield f"Schedules in {table}"
    if wishes.profiles:
        yield _profiles(found, stem)
    if wishes.improvement:
        yield from _improvements(found, stem, how)
    if wishes.differences:
        yield from _differences(found, stem, how)


def _profiles(found: Scores, stem: Path) -> str:
    drawn = [(axes, estimates.profiles(axes)) for axes in found.axes]
    rows = (
        row
        for axes, each in drawn
        for group, taus, share in each
        for row in estimates.comparison_rows(axes, group, share, taus=taus)
    )
    draw = lambda: drawing.draw_profiles(found.figure, drawn)  # noqa: E731
    return _write(_named(stem, "profiles"), draw, estimates.COMPARISON_COLUMNS, rows)


def _improvements(found: Scores, stem: Path, how: Statistics) -> Iterator[str]:
    drawn = [(axes, estimates.improvements(axes, how)) for axes in found.axes]
    for axes, each in drawn:
        for group, other, better in each:
            label = scores.group_label(axes.title, axes.panel, group.arm, group.value)
            yield f"{label}: above {other.arm} with probability {better.value[0]:.3f}"
    rows = (
        row
        for axes, each in drawn
        for group, other, better in each
        for row in estimates.comparison_rows(axes, group, better, over=other.arm)
    )
    draw = lambda: drawing.draw_improvements(found.figure, drawn)  # noqa: E731
    yield _write(_named(stem, "improvement"), draw, estimates.COMPARISON_COLUMNS, rows)


def _differences(found: Scores, stem: Path, how: Statistics) -> Iterator[str]:
    less = [estimates.differences(axes) for axes in found.axes]
    drawn = [(axes, estimates.estimated(axes, how)) for axes in less]
    for axes, shown in drawn:
        yield from (estimates.sentence(axes, each, how) for each in shown)
    rows = (row for axes, shown in drawn for row in estimates.rows(axes, shown, found.figure, how))
    table = curves.write_table(_named(stem, "differences").with_suffix(".csv"), estimates.COLUMNS, rows)
    yield f"Differences in {table}"


def _diagnostics(figure: Figure, runs: Path, stem: Path) -> Iterator[str]:
    """Draws figures 11 and 13: the panels, or the heat maps, of what runs have measured so far."""
    seen = _there(figure, runs, lambda one: bool(one.data and one.data.records.get("diagnostics")))
    yield from _lacking(figure, seen)
    grouped = diagnosing.groups([one.data for one in seen if one.data])
    draw = diagnosing.panels if figure.kind == "diagnostics" else diagnosing.heat_maps
    yield from diagnosing.verdicts(grouped)
    yield _write(stem, lambda: draw(grouped), diagnosing.COLUMNS, diagnosing.rows(grouped))


def _published(figure: Figure, runs: Path, stem: Path) -> Iterator[str]:
    """Draws every run over the published band of its setting, and says where it lies."""
    seen = _there(figure, runs, lambda one: one.data is not None)
    yield from _lacking(figure, seen)
    lines = curves.lines([one.data for one in seen if one.data])
    yield from map(curves.verdict, lines)
    yield _write(stem, lambda: curves.draw(lines, figure.title), curves.COLUMNS, curves.rows(lines))


def _there(figure: Figure, runs: Path, wanted: Callable[[Seen], bool]) -> tuple[Seen, ...]:
    """Returns what there is of a figure's runs, each once; those that are not ``wanted`` as missing."""
    once = {one.place.run_id: one for one in scores.read(figure, runs)}
    seen = tuple(one if wanted(one) else Seen(one.place, one.directory, MISSING) for one in once.values())
    if all(one.data is None for one in seen):
        raise UserError(f"no run of figure {figure.number} in {runs}: {_make_them(figure, runs)}")
    return seen


def _lacking(figure: Figure, seen: Sequence[Seen]) -> Iterator[str]:
    for panel in figure.panels:
        for arm in panel.arms:
            mine = [one for one in seen if (one.place.panel, one.place.arm) == (panel.title, arm.label)]
            if said := scores.incomplete(mine):
                yield f"{scores.group_label(panel.title, panel, arm.label, None)}: {said}"


def _make_them(figure: Figure, runs: Path) -> str:
    return f"make them by experiments/sweep.py --figure={figure.number} --runs={runs}, with the same --budget"


def _named(stem: Path, word: str) -> Path:
    return stem.with_name(f"{stem.name}_{word}")
