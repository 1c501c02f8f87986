"""A quick stand-in for a training command, and jobs that use it.

It opens its run directory, resumes and obeys signals as the real command does; only training is missing.
tests/cli/test_sweep.py makes the real runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tf_pruned_rl.analysis import figures
from tf_pruned_rl.sweeps import jobs
from tf_pruned_rl.sweeps.engines import Engine, JobResult
from tf_pruned_rl.sweeps.jobs import Job

ROOT = Path(__file__).parents[2]

_COMMAND = """
import os, signal, sys, time
from tf_pruned_rl.config import flags
from tf_pruned_rl.training.records import Record
from tf_pruned_rl.training.run_directory import RunDirectory

flags.define_flags()
stopped = []
signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))


def main(argv):
    config = flags.config_from_flags()
    with RunDirectory.open(config.run.run_dir, config) as directory:
        start = directory.metrics.read_text().count("\\n") if directory.metrics.exists() else 0
        print("begins at", start, "visible", os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
        for step in range(start, 10):
            time.sleep(float(os.environ.get("PAUSE", "0")))
            if stopped:
                print("SIGTERM: checkpoint written", flush=True)
                sys.exit(143)
            frames = 200 * (step + 1)
            record = Record("progress", frames, frames // 4, step, {}, {"steps_per_second": 10.0})
            with open(directory.metrics, "a") as file:
                file.write(record.to_json() + "\\n")
        if f"seed{config.run.seed}" == os.environ.get("FAILS"):
            print("Traceback, so to speak\\nerror: out of luck\\n")
            sys.exit(1)
        directory.write_summary({"frames": 2000})
        print("done", flush=True)


flags.run_main(main)
"""

MakeJobs = Callable[..., tuple[Job, ...]]


@pytest.fixture
def make_jobs(tmp_path, monkeypatch) -> MakeJobs:
    """Returns a function that returns jobs of figure 3: dense, 90, 95 and 99 % for each seed."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "online.py").write_text(_COMMAND)
    # Processes that are started with a bare environment find the package by this.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))

    def make(count: int = 4, seeds: int = 1) -> tuple[Job, ...]:
        figure = figures.figure("3", "smoke", part=figures.Selection(tasks=("Breakout",), seeds=seeds))
        return jobs.create(figure.runs(), tmp_path / "sweep", scripts, threads=1)[:count]

    return make


class Helpers:
    """Functions on jobs that several test files share."""

    @staticmethod
    def starts(job: Job) -> list[str]:
        """Returns the lines with which the command said that it began."""
        return [line for line in job.log.read_text().splitlines() if line.startswith("begins at")]

    @staticmethod
    def until(condition: Callable[[], object]) -> None:
        """Waits until the condition holds, at most half a minute."""
        for _ in range(1_500):
            if condition():
                return
            time.sleep(0.02)
        raise AssertionError("it never happened")

    @staticmethod
    def results(engine: Engine) -> list[JobResult]:
        """Returns the results of all submitted jobs, when the last has ended."""
        results: list[JobResult] = []
        while engine.running:
            results += engine.poll()
            time.sleep(0.1)
        return results

    @staticmethod
    def python(code: str) -> subprocess.Popen[str]:
        """Runs code in another process."""
        return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)


@pytest.fixture
def helpers() -> type[Helpers]:
    return Helpers
