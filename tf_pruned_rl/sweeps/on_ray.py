"""Runs as tasks of a Ray cluster, whose nodes share the sweep's directory."""

from __future__ import annotations

import os
from typing import Any

from tf_pruned_rl.errors import UserError
from tf_pruned_rl.sweeps.engines import JobResult, Resources
from tf_pruned_rl.sweeps.jobs import Job
from tf_pruned_rl.sweeps.process import Execution, Outcome

_RETRIES = 20
"""Restarts of a run whose worker or node died."""
_STOP_SECONDS = 300.0


def _make(job: Job) -> Outcome:
    """Makes one run in a worker; if the worker dies, the run writes a checkpoint and stops."""
    return Execution([job], outlive=False).run()[job.name]


class RayEngine:
    """A task for each run, which Ray restarts elsewhere when a worker or a node dies."""

    def __init__(self, resources: Resources):
        """Joins the cluster, or starts one on this machine.

        Raises:
          UserError: Ray is not installed, or there is no cluster at the address.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError as error:
            raise UserError("--engine=ray needs Ray: pip install -c constraints.txt -e '.[ray]'") from error
        self._ray = ray
        quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
        try:
            if resources.cluster:
                ray.init(address=resources.cluster, **quiet)
            else:
                jobs = resources.jobs or resources.jobs_by_cores()
                ray.init(num_cpus=jobs * resources.threads, include_dashboard=False, **quiet)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UserError(f"no Ray cluster at {resources.cluster or 'this machine'}: {error}") from error
        gpu = 1 / resources.runs_per_gpu if ray.cluster_resources().get("GPU") else 0
        self._task = ray.remote(num_cpus=resources.threads, num_gpus=gpu, max_retries=_RETRIES)(_make)
        self._jobs = resources.jobs
        self._running: dict[Any, Job] = {}

    @property
    def free(self) -> int:
        """The number of jobs that may be submitted now; no limit without ``jobs``, since Ray queues."""
        return self._jobs - self.running if self._jobs else 1

    @property
    def running(self) -> int:
        """The number of submitted jobs that ``poll`` has not returned."""
        return len(self._running)

    def submit(self, job: Job) -> None:
        """Submits a run to Ray."""
        self._running[self._task.options(name=job.name).remote(job)] = job

    def poll(self) -> list[JobResult]:
        """Returns the jobs that ended since the last call."""
        return self._collect(timeout=0)

    def stop(self) -> None:
        """Interrupts the tasks, which stop their runs after a checkpoint."""
        for reference in self._running:
            self._ray.cancel(reference, force=False)
        self._collect(timeout=_STOP_SECONDS)

    def close(self) -> None:
        """Leaves the cluster; a cluster that was started here ends."""
        self._ray.shutdown()

    def _collect(self, timeout: float) -> list[JobResult]:
        references = list(self._running)
        if not references:
            return []
        ready, _ = self._ray.wait(references, num_returns=len(references), timeout=timeout)
        ended = []
        for reference in ready:
            job = self._running.pop(reference)
            try:
                ended.append(JobResult(job, self._ray.get(reference)))
            except self._ray.exceptions.TaskCancelledError:
                ended.append(JobResult(job, Outcome.STOPPED))
            except self._ray.exceptions.RayError as error:
                ended.append(JobResult(job, Outcome.FAILED, " ".join(str(error).split())))
        return ended
