"""The real command of a run as a process of this machine, under its claim."""

from __future__ import annotations

import enum
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from tf_pruned_rl.errors import UserError
from tf_pruned_rl.sweeps import claims
from tf_pruned_rl.sweeps.claims import Claim
from tf_pruned_rl.sweeps.jobs import Job

STOPPED_BY = (-signal.SIGTERM, -signal.SIGINT, 128 + signal.SIGTERM, 128 + signal.SIGINT)
"""Exit statuses of a run that was asked to stop."""
_POLL_SECONDS = 0.2


class Outcome(enum.Enum):
    """What became of a job."""

    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "interrupted"
    CLAIMED = "claimed"
    """Somebody else makes the run just now."""


class Process:
    """A run that is being made here."""

    def __init__(self, job: Job, claim: Claim, process: subprocess.Popen[bytes]):
        self.job = job
        self._claim = claim
        self._process = process

    def poll(self) -> Outcome | None:
        """Returns what became of it, once; None while it goes on."""
        status = self._process.poll()
        if status is None:
            return None
        self._claim.write(pid=self._process.pid, exit_status=status)
        self._claim.release()
        if status == 0:
            return Outcome.FINISHED
        return Outcome.STOPPED if status in STOPPED_BY else Outcome.FAILED

    def stop(self) -> None:
        """Asks it to write a checkpoint and end."""
        if self._process.poll() is None:
            self._process.terminate()


def start(
    job: Job, environment: Mapping[str, str] | None = None, *, outlive: bool = False
) -> Process | Outcome:
    """Starts a run, or goes on with it, if nobody else does.

    Args:
      job: the run.
      environment: variables on top of this process's.
      outlive: let it go on should this process be killed; otherwise it is asked to stop then.

    Returns:
      The process; or FINISHED where nothing is left to do, CLAIMED where somebody is at it, FAILED where
      something else lies at its place.
    """
    claim = claims.take(job.claim)
    if claim is None:
        return Outcome.CLAIMED
    try:
        if job.finished():
            claim.release()
            return Outcome.FINISHED
        if claims.held(job.path / ".lock"):  # the command, called by hand
            claim.release()
            return Outcome.CLAIMED
        parent = 0 if outlive else os.getpid()
        command = [sys.executable, "-m", "tf_pruned_rl.sweeps.launch", str(parent), *job.command()]
        with open(job.log, "ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                pass_fds=[claim.descriptor],
                # A Ctrl-C goes to the whole group of a terminal, and a run's second signal is not held back.
                start_new_session=True,
            )
        claim.write(pid=process.pid)
    except UserError:  # status.read says which
        claim.release()
        return Outcome.FAILED
    except BaseException:
        claim.release()
        raise
    return Process(job, claim, process)


class Execution:
    """Jobs made side by side in this process's children, for engines that send them elsewhere."""

    def __init__(self, jobs: Sequence[Job], *, outlive: bool) -> None:
        self._jobs = jobs
        self._outlive = outlive
        self._running: list[Process] = []

    def run(self) -> dict[str, Outcome]:
        """Returns {name: what became of it}, when all have ended.

        Whatever breaks in (a signal, say) stops them all first.
        """
        outcomes = {}
        try:
            for job in self._jobs:
                begun = start(job, outlive=self._outlive)
                if isinstance(begun, Process):
                    self._running.append(begun)
                else:
                    outcomes[job.name] = begun
            return outcomes | self._wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops all and waits for their checkpoints."""
        for process in self._running:
            process.stop()
        self._wait()

    def _wait(self) -> dict[str, Outcome]:
        outcomes = {}
        while self._running:
            for process in list(self._running):
                outcome = process.poll()
                if outcome:
                    self._running.remove(process)
                    outcomes[process.job.name] = outcome
            time.sleep(_POLL_SECONDS)
        return outcomes
