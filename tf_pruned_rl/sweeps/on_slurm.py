"""Runs as jobs of a Slurm cluster, by submitit, which queues preempted jobs again."""

from __future__ import annotations

import ast
import time
from collections.abc import Sequence
from typing import Any

from tf_pruned_rl.errors import UserError
from tf_pruned_rl.sweeps.engines import JobResult, Resources
from tf_pruned_rl.sweeps.jobs import Job
from tf_pruned_rl.sweeps.process import Execution, Outcome

_REQUEUES = 1_000
"""Restarts of a job that has reached its time limit."""
_POLL_SECONDS = 0.5
_DEFAULTS = {"timeout_min": 24 * 60}


class Batch:
    """The function of a Slurm job: makes runs that share a GPU.

    submitit calls ``checkpoint`` on preemption.
    """

    def __init__(self) -> None:
        self._execution: Execution | None = None

    def __call__(self, jobs: Sequence[Job]) -> dict[str, Outcome]:
        """Makes the runs; returns {name: outcome}."""
        # Slurm itself asks every process of a job to end: the runs must not get the signal twice.
        self._execution = Execution(jobs, outlive=True)
        return self._execution.run()

    def checkpoint(self, jobs: Sequence[Job]) -> Any:
        """Stops the runs and returns the job to queue again."""
        import submitit

        if self._execution:
            self._execution.stop()
        return submitit.helpers.DelayedSubmission(Batch(), jobs)


class SlurmEngine:
    """A Slurm job for every ``runs_per_gpu`` runs, which share a GPU."""

    def __init__(self, resources: Resources):
        """Reads the parameters.

        Raises:
          UserError: submitit is not installed, there is no Slurm here, or a parameter is wrong.
        """
        try:
            import submitit
        except ImportError as error:
            raise UserError(
                "--engine=slurm needs submitit: pip install -c constraints.txt -e '.[slurm]'"
            ) from error
        folder = resources.directory / "logs" / "slurm"
        requeues = {f"{cluster}_max_num_timeout": _REQUEUES for cluster in ("slurm", "local")}
        try:
            self._executor = submitit.AutoExecutor(folder, cluster=resources.cluster or "slurm", **requeues)
            cpus = resources.threads * resources.runs_per_gpu
            self._executor.update_parameters(
                **{"name": "sweep", "cpus_per_task": cpus} | _DEFAULTS | _parameters(resources.slurm)
            )
        except (RuntimeError, ValueError, TypeError, NameError) as error:
            raise UserError(f"--engine=slurm: {error}") from error
        self._jobs = resources.jobs
        self._runs_per_job = resources.runs_per_gpu
        self._waiting: list[Job] = []
        self._running: list[tuple[Any, list[Job]]] = []

    @property
    def free(self) -> int:
        """The number of jobs that may be submitted now; no limit without ``jobs``, since Slurm queues."""
        return self._jobs - self.running if self._jobs else 1

    @property
    def running(self) -> int:
        """The number of submitted jobs that ``poll`` has not returned."""
        return len(self._waiting) + sum(len(jobs) for _, jobs in self._running)

    def submit(self, job: Job) -> None:
        """Submits a run to Slurm once the runs that share its GPU are complete."""
        self._waiting.append(job)
        if len(self._waiting) == self._runs_per_job:
            self._send()

    def poll(self) -> list[JobResult]:
        """Returns the jobs that ended since the last call."""
        if self._waiting:  # fewer runs than share a GPU, and no more coming
            self._send()
        ended = []
        for slurm_job, jobs in list(self._running):
            if not slurm_job.done():
                continue
            self._running.remove((slurm_job, jobs))
            failure = slurm_job.exception()
            outcomes = {} if failure else slurm_job.result()
            note = " ".join(str(failure).split())[-300:] if failure else ""
            ended += [JobResult(job, outcomes.get(job.name, Outcome.FAILED), note) for job in jobs]
        return ended

    def stop(self) -> None:
        """Cancels the jobs: Slurm asks every run to stop and leaves it time for a checkpoint."""
        self._waiting.clear()
        for slurm_job, _ in self._running:
            slurm_job.cancel()
        while not all(slurm_job.done() for slurm_job, _ in self._running):
            time.sleep(_POLL_SECONDS)
        self._running.clear()

    def close(self) -> None:
        """Does nothing: no resource is held."""

    def _send(self) -> None:
        jobs, self._waiting = self._waiting, []
        self._running.append((self._executor.submit(Batch(), jobs), jobs))


def _parameters(assignments: Sequence[str]) -> dict[str, object]:
    """Returns submitit's parameters from NAME=VALUE; a value is a Python literal, or else a word."""
    parameters: dict[str, object] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise UserError(f"--slurm: {assignment!r} is not NAME=VALUE, as slurm_partition=gpu is")
        try:
            parameters[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            parameters[name] = value
    return parameters
