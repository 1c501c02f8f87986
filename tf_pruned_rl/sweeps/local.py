"""Runs as processes of this machine."""

from __future__ import annotations

import time

from tf_pruned_rl.runtime import visible_gpus
from tf_pruned_rl.sweeps.engines import JobResult, Resources
from tf_pruned_rl.sweeps.jobs import Job
from tf_pruned_rl.sweeps.process import Process, start


class LocalEngine:
    """A pool of processes, each with a GPU where there are any."""

    def __init__(self, resources: Resources):
        """Takes ``jobs`` runs; by default ``runs_per_gpu`` for each GPU, or as many as the cores allow."""
        gpus = visible_gpus()
        jobs = resources.jobs or len(gpus) * resources.runs_per_gpu or resources.jobs_by_cores()
        # Round robin, so that few runs do not share a GPU.
        self._places = [gpus[place % len(gpus)] if gpus else "" for place in range(jobs)]
        self._running: list[tuple[Process, str]] = []
        self._ended: list[JobResult] = []

    @property
    def free(self) -> int:
        """The number of jobs that may be submitted now."""
        return len(self._places)

    @property
    def running(self) -> int:
        """The number of submitted jobs that ``poll`` has not returned."""
        return len(self._running) + len(self._ended)

    def submit(self, job: Job) -> None:
        """Starts a run's process."""
        gpu = self._places[0]
        process = start(job, {"CUDA_VISIBLE_DEVICES": gpu} if gpu else {})
        if isinstance(process, Process):
            self._running.append((process, self._places.pop(0)))
        else:
            self._ended.append(JobResult(job, process))

    def poll(self) -> list[JobResult]:
        """Returns the jobs that ended since the last call."""
        ended, self._ended = self._ended, []
        for process, gpu in list(self._running):
            outcome = process.poll()
            if outcome:
                self._running.remove((process, gpu))
                self._places.append(gpu)
                ended.append(JobResult(process.job, outcome))
        return ended

    def stop(self) -> None:
        """Asks all processes to stop, and waits for their ends."""
        for process, _ in self._running:
            process.stop()
        while self._running:
            self._ended = self.poll()
            time.sleep(0.1)

    def close(self) -> None:
        """Does nothing: no resource is held."""
