"""Tests of jobs: their command lines, and when nothing is left to do."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from tf_pruned_rl import config as configuration
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.sweeps import jobs


def test_a_job_for_every_different_run(make_jobs):
    (job, *others) = make_jobs()
    runs = [job.run, job.run, *(other.run for other in others)]
    assert jobs.create(runs, job.directory, job.scripts, 1) == (job, *others)


def test_paths_do_not_depend_on_where_the_process_stands(make_jobs, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (job,) = jobs.create([make_jobs()[0].run], Path("runs"), tmp_path, 2)
    assert job.path.is_absolute() and job.path.parent == tmp_path / "runs"
    assert job.command()[-2:] == ["--threads=2", f"--run_dir={job.path}"]


def test_finished_is_a_summary_of_the_same_configuration(make_jobs):
    job = make_jobs()[0]
    assert not job.finished()
    job.path.mkdir(parents=True)
    (job.path / "config.json").write_text(config_io.to_json(job.run.config))
    assert not job.finished()
    (job.path / "summary.json").write_text("{}")
    assert job.finished()


def test_another_run_at_its_place(make_jobs):
    job = make_jobs()[0]
    job.path.mkdir(parents=True)
    other = configuration.replace(job.run.config, gamma=0.5)
    (job.path / "config.json").write_text(config_io.to_json(other))
    with pytest.raises(UserError, match=r"another configuration \(gamma: 0.5 -> 0.99\)"):
        job.finished()


def test_a_job_can_be_sent(make_jobs):
    job = make_jobs()[0]
    assert pickle.loads(pickle.dumps(job)) == job
