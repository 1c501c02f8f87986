"""Tests of the status of a run."""

from __future__ import annotations

import pytest

from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.sweeps import claims, status
from tf_pruned_rl.sweeps.jobs import Job
from tf_pruned_rl.training.records import Record


def begin(job: Job, frames: int, tail: str = "") -> None:
    """Writes what a run has written after so many frames."""
    job.path.mkdir(parents=True)
    (job.path / "config.json").write_text(config_io.to_json(job.run.config))
    clock = {"steps_per_second": 25.0, "time": 1.0}
    lines = [
        Record("progress", frames - 100, frames // 4 - 25, 1, {}, {"steps_per_second": 1.0}),
        Record("progress", frames, frames // 4, 1, {}, clock),
        Record("pruning", frames, frames // 4, 1, {"sparsity/total": 0.5}),
    ]
    (job.path / "metrics.jsonl").write_text("".join(f"{line.to_json()}\n" for line in lines) + tail)


def end(job: Job, exit_status: int | None, log: str = "") -> None:
    claim = claims.acquire(job.claim)
    claim.write(pid=1, exit_status=exit_status)
    claim.release()
    job.log.write_text(log)


def test_nothing_there(make_jobs):
    now = status.read(make_jobs()[0])
    assert (now.state, now.frames, now.total, now.seconds_left) == ("waiting", 0, 2_000, None)


def test_running_says_how_long_it_takes(make_jobs):
    job = make_jobs()[0]
    begin(job, 500, tail='{"kind": "progress", "frames": 99')
    claim = claims.acquire(job.claim)
    now = status.read(job)
    # 25 agent steps, 100 frames, a second.
    assert (now.state, now.frames, now.seconds_left) == ("running", 500, 15.0)
    claim.release()
    assert status.read(job).state == "interrupted"


@pytest.mark.parametrize("exit_status", [None, -15, -2, 143, 130])
def test_interrupted(make_jobs, exit_status):
    job = make_jobs()[0]
    begin(job, 500)
    end(job, exit_status, "SIGTERM: checkpoint written; the same command goes on from here.\n")
    assert (status.read(job).state, status.read(job).detail) == ("interrupted", "")


@pytest.mark.parametrize(
    ("exit_status", "log", "detail"),
    [
        (1, "Traceback\n  File\nValueError: no luck\n\n", "ValueError: no luck"),
        (2, "", "exit status 2, and an empty log"),
        (-9, "300/2,000 frames\n", "killed by signal 9; its log ends: 300/2,000 frames"),
        (-9, "", "killed by signal 9"),
    ],
)
def test_failed_says_why(make_jobs, exit_status, log, detail):
    job = make_jobs()[0]
    begin(job, 500)
    end(job, exit_status, log)
    now = status.read(job)
    assert (now.state, now.frames, now.detail) == ("failed", 500, detail)


def test_finished_whatever_was_before(make_jobs):
    job = make_jobs()[0]
    begin(job, 500)
    end(job, 1, "error\n")
    (job.path / "summary.json").write_text("{}")
    now = status.read(job)
    assert (now.state, now.frames, now.seconds_left) == ("finished", 2_000, 0.0)


def test_another_run_at_its_place_is_a_failure(make_jobs):
    job, other, *_ = make_jobs()
    begin(job, 500)
    (job.path / "config.json").write_text(config_io.to_json(other.run.config))
    now = status.read(job)
    assert now.state == "failed" and "another configuration" in now.detail
