"""Tests of one run as a process: claimed, stopped, gone on with, orphaned."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import time

import pytest

from tf_pruned_rl.sweeps import claims
from tf_pruned_rl.sweeps.process import Execution, Outcome, Process, start


def wait(process: Process) -> Outcome:
    while (outcome := process.poll()) is None:
        time.sleep(0.02)
    return outcome


def test_a_run_is_made_once(make_jobs, helpers):
    job = make_jobs()[0]
    process = start(job)
    assert start(job) is Outcome.CLAIMED
    assert wait(process) is Outcome.FINISHED
    assert start(job) is Outcome.FINISHED
    assert len(helpers.starts(job)) == 1
    assert not claims.is_held(job.claim)


def test_stopped_and_gone_on_with(make_jobs, helpers, monkeypatch):
    monkeypatch.setenv("PAUSE", "0.2")
    job = make_jobs()[0]
    process = start(job)
    helpers.until((job.path / "metrics.jsonl").exists)
    process.stop()
    assert wait(process) is Outcome.STOPPED
    monkeypatch.setenv("PAUSE", "0")
    assert wait(start(job)) is Outcome.FINISHED
    first, second = helpers.starts(job)
    assert first.startswith("begins at 0") and not second.startswith("begins at 0")


def test_failed(make_jobs, monkeypatch):
    monkeypatch.setenv("FAILS", "seed0")
    job = make_jobs()[0]
    assert wait(start(job)) is Outcome.FAILED
    assert claims.last_start(job.claim).exit_status == 1


def test_a_command_called_by_hand_is_left_alone(make_jobs, helpers, monkeypatch):
    monkeypatch.setenv("PAUSE", "0.2")
    job = make_jobs()[0]
    process = subprocess.Popen(job.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    helpers.until((job.path / "metrics.jsonl").exists)
    assert start(job) is Outcome.CLAIMED
    process.terminate()
    process.wait()


@pytest.mark.parametrize("outlive", [False, True])
def test_whoever_started_it_is_killed(make_jobs, helpers, monkeypatch, tmp_path, outlive):
    monkeypatch.setenv("PAUSE", "0.15")
    job = make_jobs()[0]
    (tmp_path / "job").write_bytes(pickle.dumps(job))
    parent = helpers.python(
        "import pickle, sys, time\nfrom tf_pruned_rl.sweeps.process import start\n"
        f"start(pickle.load(open({str(tmp_path / 'job')!r}, 'rb')), outlive={outlive})\ntime.sleep(60)"
    )
    helpers.until((job.path / "metrics.jsonl").exists)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    assert claims.is_held(job.claim)  # by the run itself, which writes its checkpoint or goes on
    helpers.until(lambda: not claims.is_held(job.claim))
    assert job.finished() == outlive
    assert ("SIGTERM: checkpoint written" in job.log.read_text()) != outlive


def test_signals_of_slurm_are_not_the_runs_business(make_jobs, helpers, monkeypatch):
    monkeypatch.setenv("PAUSE", "0.05")
    job = make_jobs()[0]
    process = start(job)
    helpers.until((job.path / "metrics.jsonl").exists)
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        os.kill(json.loads(job.claim.read_text())["pid"], number)
    assert wait(process) is Outcome.FINISHED


def test_several_side_by_side(make_jobs, monkeypatch):
    monkeypatch.setenv("FAILS", "seed1")
    jobs = make_jobs(3, seeds=2)
    outcomes = Execution(jobs, outlive=False).run()
    assert outcomes == {job.name: Outcome.FAILED if job.run.seed == 1 else Outcome.FINISHED for job in jobs}
