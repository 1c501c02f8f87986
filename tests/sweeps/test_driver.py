"""Tests of whole sweeps by the local engine, with a quick command in the place of training."""

from __future__ import annotations

import io
import os
import pickle
import re
import signal
import threading

import pytest
from rich.console import Console

from tf_pruned_rl.sweeps.driver import Report, Sweep
from tf_pruned_rl.sweeps.engines import Resources, create
from tf_pruned_rl.sweeps.view import View
from tf_pruned_rl.training.signals import Signals


def sweep(jobs, places: int = 2) -> tuple[Report, str]:
    """Runs a sweep; returns its report and what it printed."""
    out = io.StringIO()
    engine = create("local", Resources(places, 1, 1, jobs[0].directory))
    signals = Signals()
    try:
        return Sweep(jobs, engine, View(Console(file=out, width=200))).run(signals), out.getvalue()
    finally:
        signals.restore()


def test_all_are_made_and_none_again(make_jobs, helpers):
    jobs = make_jobs(3)
    report, out = sweep(jobs)
    assert (report.finished, report.failed, report.remaining) == (3, [], 0)
    assert out.startswith("0/3 finished, 3 waiting") and out.count("finished: dqn-Breakout") == 3
    assert sweep(jobs)[0].finished == 3
    assert [len(helpers.starts(job)) for job in jobs] == [1, 1, 1]


def test_failures_are_reported_and_tried_again(make_jobs, monkeypatch):
    jobs = make_jobs(2, seeds=2)
    monkeypatch.setenv("FAILS", "seed1")
    report, out = sweep(jobs)
    assert (report.finished, report.remaining) == (1, 0)
    assert [one.detail for one in report.failed] == ["error: out of luck"]
    assert re.search(r"failed: \S*seed1\S*: error: out of luck", out)
    monkeypatch.delenv("FAILS")
    assert sweep(jobs)[0].finished == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_and_gone_on_with(make_jobs, helpers, monkeypatch, number):
    monkeypatch.setenv("PAUSE", "0.2")
    jobs = make_jobs(3)

    def stop() -> None:
        helpers.until((jobs[1].path / "metrics.jsonl").exists)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=stop)
    thread.start()
    report, out = sweep(jobs)
    thread.join()
    assert (report.finished, report.failed, report.remaining) == (0, [], 3)
    assert "Stopping: every run writes a checkpoint first." in out
    monkeypatch.setenv("PAUSE", "0")
    assert sweep(jobs)[0].finished == 3
    assert [len(helpers.starts(job)) for job in jobs] == [2, 2, 1]


def test_two_sweeps_share_the_work(make_jobs, helpers, monkeypatch, tmp_path):
    monkeypatch.setenv("PAUSE", "0.1")
    jobs = make_jobs(4)
    (tmp_path / "jobs").write_bytes(pickle.dumps(jobs))
    other = helpers.python(
        "import pickle\nfrom tf_pruned_rl.sweeps import driver, engines, view\n"
        "from tf_pruned_rl.training.signals import Signals\n"
        f"jobs = pickle.load(open({str(tmp_path / 'jobs')!r}, 'rb'))\n"
        "engine = engines.create('local', engines.Resources(2, 1, 1, jobs[0].directory))\n"
        "print(driver.Sweep(jobs, engine, view.View()).run(Signals()).finished)"
    )
    helpers.until((jobs[0].path / "metrics.jsonl").exists)
    report, _ = sweep(jobs)
    assert report.finished == 4
    assert other.communicate()[0].splitlines()[-1] == "4"
    assert [len(helpers.starts(job)) for job in jobs] == [1] * 4


def test_a_gpu_for_each_and_no_more_runs_on_it_than_asked(make_jobs, helpers, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    engine = create("local", Resources(0, 2, 1, make_jobs()[0].directory))
    assert engine.free == 4
    jobs = make_jobs(4)
    sweep(jobs, places=4)
    visible = sorted(helpers.starts(job)[0].split()[-1] for job in jobs)
    assert visible == ["3", "3", "5", "5"]
