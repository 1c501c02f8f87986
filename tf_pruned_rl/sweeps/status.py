"""The state and progress of a run, from the files it writes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tf_pruned_rl.config import units
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.sweeps import claims
from tf_pruned_rl.sweeps.jobs import Job
from tf_pruned_rl.sweeps.process import STOPPED_BY
from tf_pruned_rl.training.records import Record

State = Literal["waiting", "running", "interrupted", "failed", "finished"]
_TAIL_BYTES = 1 << 18


@dataclass(frozen=True)
class Status:
    """State and progress of one run."""

    job: Job
    state: State
    frames: int
    """Done so far, in the unit of the run."""
    total: int
    """Length of the run."""
    frames_per_second: float
    """Speed at its newest record; 0 if unknown."""
    detail: str = ""
    """Reason of a failure: the last line of the log."""

    @property
    def seconds_left(self) -> float | None:
        """Remaining time at that speed; None if unknown."""
        if self.state == "finished":
            return 0.0
        return (self.total - self.frames) / self.frames_per_second if self.frames_per_second else None


def read(job: Job) -> Status:
    """Returns the status of a run; it may be in progress."""
    total = units.budget(job.run.config).frames
    try:
        if job.finished():
            return Status(job, "finished", total, total, 0.0)
    except UserError as error:
        return Status(job, "failed", 0, total, 0.0, str(error))
    frames, speed = _progress(job)
    if claims.is_held(job.claim) or claims.is_held(job.path / ".lock"):
        return Status(job, "running", frames, total, speed)
    last = claims.last_start(job.claim)
    if last and last.exit_status and last.exit_status not in STOPPED_BY:
        return Status(job, "failed", frames, total, speed, failure(job, last.exit_status))
    return Status(job, "interrupted" if frames or last else "waiting", frames, total, speed)


def failure(job: Job, exit_status: int) -> str:
    """Returns the last line of a run's log; its exit status where the log is empty or a signal ended it."""
    lines = _tail(job.log).splitlines()
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    if exit_status < 0:
        return f"killed by signal {-exit_status}" + (f"; its log ends: {last}" if last else "")
    return last or f"exit status {exit_status}, and an empty log"


def _progress(job: Job) -> tuple[int, float]:
    """Returns frames and frames per second of the newest progress record; zeros where there is none."""
    for line in reversed(_tail(job.path / "metrics.jsonl").splitlines()):
        if '"progress"' not in line:
            continue
        try:
            record = Record.from_json(line)
        except ValueError:  # an incomplete line at either end
            continue
        # The unit depends on the kind of run: frames, environment steps, gradient steps.
        frames_per_step = record.frames / record.agent_steps if record.agent_steps else 0.0
        return record.frames, record.clock.get("steps_per_second", 0.0) * frames_per_step
    return 0, 0.0


def _tail(path: Path) -> str:
    """Returns the last bytes of a file as text; empty if it is missing."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
