"""Runs as processes of this machine."""

from __future__ import annotations

import time

from tf_pruned_rl.runtime import visible_gpus
from tf_pruned_rl.sweeps.engines import Ended, Resources
from tf_pruned_rl.sweeps.jobs import Job
from tf_pruned_rl.sweeps.process import Process, start


class LocalEngine:
    """A pool of processes; where there are GPUs, each is given one of them."""

    def __init__(self, resources: Resources):
        """Counts the places; without ``jobs``, ``runs_per_gpu`` for each GPU, or one for each core."""
        gpus = visible_gpus()
        jobs = resources.jobs or len(gpus) * resources.runs_per_gpu or resources.jobs_by_cores()
        # The GPUs in turn, so that few runs do not share one.
        self._places = [gpus[place % len(gpus)] if gpus else "" for place in range(jobs)]
        self._running: list[tuple[Process, str]] = []
        self._ended: list[Ended] = []

    @property
    def free(self) -> int:
        """How many jobs may be submitted now."""
        return len(self._places)

    @property
    def running(self) -> int:
        """Jobs submitted that have not ended."""
        return len(self._running) + len(self._ended)

    def submit(self, job: Job) -> None:
        """Starts a run's process."""
        gpu = self._places[0]
        begun = start(job, {"CUDA_VISIBLE_DEVICES": gpu} if gpu else {})
        if isinstance(begun, Process):
            self._running.append((begun, self._places.pop(0)))
        else:
            self._ended.append(Ended(job, begun))

    def poll(self) -> list[Ended]:
        """Returns the jobs that ended since the last call."""
        ended, self._ended = self._ended, []
        for process, gpu in list(self._running):
            outcome = process.poll()
            if outcome:
                self._running.remove((process, gpu))
                self._places.append(gpu)
                ended.append(Ended(process.job, outcome))
        return ended

    def stop(self) -> None:
        """Asks all to stop, and waits until they have."""
        for process, _ in self._running:
            process.stop()
        while self._running:
            self._ended = self.poll()
            time.sleep(0.1)

    def close(self) -> None:
        """Holds nothing."""
