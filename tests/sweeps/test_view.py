"""Tests of what is shown of a sweep, and of what it costs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tf_pruned_rl.analysis import figures
from tf_pruned_rl.sweeps import cost, jobs, view
from tf_pruned_rl.sweeps.status import Status


def statuses(make_jobs) -> list[Status]:
    first, second, third, fourth = make_jobs()
    return [
        Status(first, "finished", 2_000, 2_000, 0.0),
        Status(second, "running", 500, 2_000, 100.0),
        Status(third, "failed", 1_000, 2_000, 0.0, "error: [out] of luck"),
        Status(fourth, "waiting", 0, 2_000, 0.0),
    ]


def printed(what, **console: object) -> str:
    out = io.StringIO()
    Console(file=out, width=200, **console).print(what)
    return out.getvalue()


def test_summary_counts_states(make_jobs):
    assert view.summary(statuses(make_jobs)) == "1/4 finished, 1 running, 1 waiting, 1 failed"


def test_table_has_progress_time_left_and_reasons(make_jobs):
    lines = printed(view.table(statuses(make_jobs))).splitlines()
    assert [line.split()[1:] for line in lines[1:]] == [
        ["finished", "100.0%"],
        ["running", "25.0%", "0:00:15"],
        ["failed", "50.0%", "error:", "[out]", "of", "luck"],
        ["waiting", "0.0%"],
    ]


@pytest.mark.parametrize("terminal", [False, True])
def test_live_and_plain(make_jobs, terminal):
    out = io.StringIO()
    display = view.View(Console(file=out, width=200, force_terminal=terminal), plain_every=0)
    display.begin(statuses(make_jobs))
    assert display.due() or terminal
    display.show(statuses(make_jobs))
    display.ended(statuses(make_jobs)[2])
    display.end()
    text = out.getvalue()
    assert "1/4 finished, 1 running" in text and "error: [out] of luck" in text
    # One by one, the running ones, where they can be overwritten.
    assert ("25.0%" in text) == terminal


def test_a_run_of_the_paper_costs_two_days(tmp_path):
    run = figures.figure("1").runs()[0]
    (job,) = jobs.create([run], tmp_path, tmp_path, 1)
    whole = cost.cost(Status(job, "waiting", 0, 40_000_000, 0.0))
    # 2,495,000 of the 2.5 M gradient steps are made, the rest falls into the warm-up.
    assert (whole.runs, whole.agent_steps, whole.gradient_steps) == (1, 10_000_000, 2_495_000)
    assert whole.p100_hours == pytest.approx(48 * 2_495 / 2_500)
    half = cost.cost(Status(job, "interrupted", 20_000_000, 40_000_000, 0.0))
    assert half.p100_hours == pytest.approx(whole.p100_hours / 2)
    assert cost.cost(Status(job, "finished", 40_000_000, 40_000_000, 0.0)).runs == 0


def test_no_hours_where_none_are_published(tmp_path):
    (job,) = jobs.create(figures.figure("9").runs()[:1], tmp_path, tmp_path, 1)
    text = printed(cost.table([Status(job, "waiting", 0, 1_000_000, 0.0)]))
    assert "not published" in text and "1 runs to do" in text
