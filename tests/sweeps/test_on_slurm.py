"""Tests of runs as jobs of a cluster, on submitit's own cluster of one machine."""

from __future__ import annotations

import json
import os
import signal
import sys

import pytest

from tf_pruned_rl.errors import UserError
from tf_pruned_rl.sweeps.engines import JobResult, Resources, create
from tf_pruned_rl.sweeps.process import Outcome


def parents(pid: int) -> list[int]:
    """Returns the parent of process ``pid``, and the parent's parent."""
    ancestors = []
    for _ in range(2):
        with open(f"/proc/{pid}/stat") as stat:
            pid = int(stat.read().rpartition(")")[2].split()[1])
        ancestors.append(pid)
    return ancestors


@pytest.fixture
def engine(make_jobs):
    pytest.importorskip("submitit")
    directory = make_jobs()[0].directory
    return create("slurm", Resources(0, 2, 1, directory, cluster="local", slurm=("timeout_min=30",)))


def test_runs_that_share_a_gpu_are_one_job(make_jobs, helpers, monkeypatch, engine):
    monkeypatch.setenv("FAILS", "seed1")
    jobs = make_jobs(3, seeds=2)
    for job in jobs:
        engine.submit(job)
    outcomes = {job.name: (outcome, note) for job, outcome, note in helpers.results(engine)}
    failed, finished = (Outcome.FAILED, ""), (Outcome.FINISHED, "")
    assert outcomes == {job.name: failed if job.run.seed else finished for job in jobs}
    assert len(list((jobs[0].directory / "logs" / "slurm").glob("*_submitted.pkl"))) == 2


def test_a_preempted_job_is_queued_again(make_jobs, helpers, monkeypatch, engine):
    monkeypatch.setenv("PAUSE", "0.3")
    job = make_jobs()[0]
    engine.submit(job)
    engine.poll()
    helpers.until((job.path / "metrics.jsonl").exists)
    worker, _ = parents(json.loads(job.claim.read_text())["pid"])
    os.kill(worker, signal.SIGUSR2)  # what Slurm sends before it takes the machine away
    assert helpers.results(engine) == [JobResult(job, Outcome.FINISHED)]
    first, second = helpers.starts(job)
    assert first.startswith("begins at 0") and not second.startswith("begins at 0")
    assert "SIGTERM: checkpoint written" in job.log.read_text()


def test_stop_lets_runs_write_their_checkpoints(make_jobs, helpers, monkeypatch, engine):
    monkeypatch.setenv("PAUSE", "0.2")
    job = make_jobs()[0]
    engine.submit(job)
    engine.poll()
    helpers.until((job.path / "metrics.jsonl").exists)
    engine.stop()
    assert engine.running == 0
    helpers.until(lambda: "SIGTERM: checkpoint written" in job.log.read_text())


@pytest.mark.parametrize(
    ("slurm", "cluster", "message"),
    [
        (("partition",), "local", "'partition' is not NAME=VALUE"),
        (("slurm_colour=red",), "local", "Unknown argument 'colour'"),
        ((), "nowhere", "doesn't know any executor named nowhere"),
        ((), "", "srun"),
    ],
)
def test_mistakes_are_one_line(tmp_path, monkeypatch, slurm, cluster, message):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable))
    with pytest.raises(UserError, match=message):
        create("slurm", Resources(0, 1, 1, tmp_path, cluster=cluster, slurm=slurm))


@pytest.mark.parametrize("engine", ["ray", "slurm"])
def test_a_missing_extra_is_one_line(tmp_path, monkeypatch, engine):
    monkeypatch.setitem(sys.modules, "ray" if engine == "ray" else "submitit", None)
    with pytest.raises(UserError, match=rf"--engine={engine} needs .* '\.\[{engine}\]'"):
        create(engine, Resources(1, 1, 1, tmp_path))
