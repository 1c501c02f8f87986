"""Tests of runs as tasks of a Ray cluster of one node."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tf_pruned_rl.errors import UserError
from tf_pruned_rl.sweeps.engines import Resources, create
from tf_pruned_rl.sweeps.process import Outcome


@pytest.fixture
def engine(make_jobs, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv("PAUSE", "0.3")  # its workers are given this environment
    engine = create("ray", Resources(2, 1, 1, make_jobs()[0].directory))
    yield engine
    engine.close()


def worker(job) -> int:
    """Returns the process that started the run."""
    pid = json.loads(job.claim.read_text())["pid"]
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_no_run_is_made_twice(make_jobs, helpers, engine):
    jobs = make_jobs(2)
    for job in jobs:
        engine.submit(job)
    helpers.until((jobs[0].path / "metrics.jsonl").exists)
    os.kill(worker(jobs[0]), signal.SIGKILL)
    # The run itself writes its checkpoint first: until then whoever comes is told that it is claimed.
    outcomes = {}
    while len(outcomes) < 2:
        for job, outcome, _ in helpers.results(engine):
            if outcome is Outcome.CLAIMED:
                engine.submit(job)
            else:
                outcomes[job.name] = outcome
    assert outcomes == {job.name: Outcome.FINISHED for job in jobs}
    first, second = helpers.starts(jobs[0])
    assert first.startswith("begins at 0") and not second.startswith("begins at 0")
    assert len(helpers.starts(jobs[1])) == 1


@pytest.mark.slow
def test_stop_lets_runs_write_their_checkpoints(make_jobs, helpers, engine):
    jobs = make_jobs(3)  # one more than there is room for
    for job in jobs:
        engine.submit(job)
    for job in jobs[:2]:
        helpers.until((job.path / "metrics.jsonl").exists)
    engine.stop()
    assert engine.running == 0
    for job in jobs[:2]:
        assert "SIGTERM: checkpoint written" in job.log.read_text()
    assert not jobs[2].path.exists()


def test_no_cluster_at_the_address(tmp_path):
    pytest.importorskip("ray")
    with pytest.raises(UserError, match="no Ray cluster at 'here'|no Ray cluster at here"):
        create("ray", Resources(1, 1, 1, tmp_path, cluster="here"))
