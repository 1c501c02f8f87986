"""The sweep itself: submits the unfinished runs to an engine until all have ended or a signal arrives."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from tf_pruned_rl.sweeps import claims, status
from tf_pruned_rl.sweeps.engines import Engine
from tf_pruned_rl.sweeps.jobs import Job
from tf_pruned_rl.sweeps.process import Outcome
from tf_pruned_rl.sweeps.status import Status
from tf_pruned_rl.sweeps.view import View
from tf_pruned_rl.training.signals import Signals

_POLL_SECONDS = 0.25
_CLAIMED_SECONDS = 5.0
"""Time between two checks of the runs that other sweeps make."""


@dataclass
class Report:
    """The result of a sweep."""

    finished: int = 0
    """Finished runs, earlier ones included."""
    failed: list[Status] = field(default_factory=list)
    remaining: int = 0
    """Runs that were interrupted or did not start."""


class Sweep:
    """The jobs of a sweep and their states."""

    def __init__(self, jobs: Sequence[Job], engine: Engine, view: View):
        self._engine = engine
        self._view = view
        self._statuses = {job.name: status.read(job) for job in jobs}
        self._waiting = deque(job for job in jobs if self._statuses[job.name].state != "finished")
        self._claimed: list[Job] = []
        self._claims_checked_at = -float("inf")
        self._submitted: dict[str, Job] = {}
        self._failed: dict[str, Status] = {}

    def run(self, signals: Signals) -> Report:
        """Runs until every job has ended, or until a signal arrives and every run has stopped."""
        self._view.begin(list(self._statuses.values()))
        try:
            while self._waiting or self._claimed or self._engine.running:
                if signals.received:
                    self._view.say("Stopping: every run writes a checkpoint first.")
                    self._engine.stop()
                    self._statuses |= {name: status.read(job) for name, job in self._submitted.items()}
                    break
                self._submit()
                self._collect()
                self._check_claimed()
                self._show()
                time.sleep(_POLL_SECONDS)
        finally:
            self._view.end()
            self._engine.close()
        finished = sum(each.state == "finished" for each in self._statuses.values())
        remaining = len(self._statuses) - finished - len(self._failed)
        return Report(finished, list(self._failed.values()), remaining)

    def _submit(self) -> None:
        while self._waiting and self._engine.free > 0:
            job = self._waiting.popleft()
            self._submitted[job.name] = job
            self._engine.submit(job)

    def _collect(self) -> None:
        for job, outcome, note in self._engine.poll():
            del self._submitted[job.name]
            if outcome is Outcome.CLAIMED:
                self._claimed.append(job)
            else:
                self._settle(job, note)

    def _settle(self, job: Job, note: str = "") -> None:
        """Records how a job ended, from the files in its directory."""
        now = status.read(job)
        if note:
            now = Status(job, "failed", now.frames, now.total, now.frames_per_second, note)
        self._statuses[job.name] = now
        if now.state == "failed":
            self._failed[job.name] = now
        self._view.ended(now)

    def _check_claimed(self) -> None:
        """Queues runs that another sweep has given up; records those that it has finished or that failed."""
        if not self._claimed or time.monotonic() - self._claims_checked_at < _CLAIMED_SECONDS:
            return
        self._claims_checked_at = time.monotonic()
        for job in list(self._claimed):
            if claims.is_held(job.claim) or claims.is_held(job.path / ".lock"):
                continue
            self._claimed.remove(job)
            if status.read(job).state in ("finished", "failed"):
                self._settle(job)
            else:
                self._waiting.append(job)

    def _show(self) -> None:
        if self._view.due():
            for job in [*self._submitted.values(), *self._claimed]:
                self._statuses[job.name] = status.read(job)
            self._view.show(list(self._statuses.values()))
