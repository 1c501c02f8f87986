"""Engines: where the runs of a sweep are made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from tf_pruned_rl import runtime
from tf_pruned_rl.registry import SWEEP_ENGINES
from tf_pruned_rl.sweeps.jobs import Job
from tf_pruned_rl.sweeps.process import Outcome


class Ended(NamedTuple):
    """A job that an engine is done with."""

    job: Job
    outcome: Outcome
    note: str = ""
    """What the run's own log cannot say: that its machine went away, say."""


class Engine(Protocol):
    """Makes runs, several at a time."""

    @property
    def free(self) -> int:
        """How many jobs may be submitted now."""

    @property
    def running(self) -> int:
        """Jobs submitted that have not ended."""

    def submit(self, job: Job) -> None:
        """Takes a job; at most ``free`` of them."""

    def poll(self) -> Iterable[Ended]:
        """Returns the jobs that ended since the last call."""

    def stop(self) -> None:
        """Stops all that run, lets them write their checkpoints, and drops what waits."""

    def close(self) -> None:
        """Gives back what the engine holds."""


@dataclass(frozen=True)
class Resources:
    """What a run takes, and how many are made at a time."""

    jobs: int
    """Runs at a time; 0 leaves it to the engine."""
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
        """Returns how many runs at a time the cores of this process have room for; at least 1."""
        return max(1, runtime.available_cores() // max(1, self.threads))


def create(name: str, resources: Resources) -> Engine:
    """Returns an engine by its name.

    Raises:
      UserError: what it needs is not installed, or not there.
    """
    return SWEEP_ENGINES[name](resources)
