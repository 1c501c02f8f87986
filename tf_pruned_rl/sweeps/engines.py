"""Engines: what makes the runs of a sweep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from tf_pruned_rl import runtime
from tf_pruned_rl.registry import SWEEP_ENGINES
from tf_pruned_rl.sweeps.jobs import Job
from tf_pruned_rl.sweeps.process import Outcome


class JobResult(NamedTuple):
    """A job that has ended."""

    job: Job
    outcome: Outcome
    note: str = ""
    """What the run's own log cannot say, such as the loss of its machine."""


class Engine(Protocol):
    """Makes several runs at a time."""

    @property
    def free(self) -> int:
        """The number of jobs that may be submitted now."""

    @property
    def running(self) -> int:
        """The number of submitted jobs that have not been returned by ``poll``."""

    def submit(self, job: Job) -> None:
        """Starts or queues a job; the caller submits at most ``free`` of them."""

    def poll(self) -> Iterable[JobResult]:
        """Returns the jobs that ended since the last call."""

    def stop(self) -> None:
        """Stops all runs after a last checkpoint, and drops the queue."""

    def close(self) -> None:
        """Releases what the engine holds."""


@dataclass(frozen=True)
class Resources:
    """What a run needs, and how many run at a time."""

    jobs: int
    """Runs at a time; 0 lets the engine decide."""
    runs_per_gpu: int
    """Runs that share a GPU."""
    threads: int
    """CPU cores a run keeps busy."""
    directory: Path
    """The sweep's."""
    cluster: str = ""
    """Address of a Ray cluster (empty starts one on this machine), or submitit's name of one."""
    slurm: tuple[str, ...] = ()
    """NAME=VALUE for submitit, as ``slurm_partition=gpu``."""

    def jobs_by_cores(self) -> int:
        """Returns the number of runs at a time that keep this process's cores busy; at least 1."""
        return max(1, runtime.available_cores() // max(1, self.threads))


def create(name: str, resources: Resources) -> Engine:
    """Returns the engine of a name.

    Raises:
      UserError: a library or cluster that it needs is missing.
    """
    return SWEEP_ENGINES[name](resources)
