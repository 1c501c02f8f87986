"""A training command as a process of this machine, under the claim of its run."""

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
"""Exit statuses of a run that a signal stopped."""
_POLL_SECONDS = 0.2


class Outcome(enum.Enum):
    """How a job ended."""

    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "interrupted"
    CLAIMED = "claimed"
    """Another process makes the run now."""


class Process:
    """A training process of this machine."""

    def __init__(self, job: Job, claim: Claim, process: subprocess.Popen[bytes]):
        self.job = job
        self._claim = claim
        self._process = process

    def poll(self) -> Outcome | None:
        """Returns its outcome, once; None while it runs."""
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
    """Starts or resumes a run unless another process makes it.

    Args:
      job: the run.
      environment: variables added to this process's.
      outlive: let the run continue if this process is killed; otherwise it stops after a checkpoint.

    Returns:
      The process; or FINISHED if the run is complete, CLAIMED if another process makes it, FAILED if its
      directory holds another run.
    """
    claim = claims.acquire(job.claim)
    if claim is None:
        return Outcome.CLAIMED
    try:
        if job.finished():
            claim.release()
            return Outcome.FINISHED
        if claims.is_held(job.path / ".lock"):  # by the command without a sweep
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
                # Ctrl-C reaches the terminal's whole group, and a second signal would kill the run.
                start_new_session=True,
            )
        claim.write(pid=process.pid)
    except UserError:  # status.read reports it
        claim.release()
        return Outcome.FAILED
    except BaseException:
        claim.release()
        raise
    return Process(job, claim, process)


class Execution:
    """Jobs side by side in child processes, for engines that run them on other machines."""

    def __init__(self, jobs: Sequence[Job], *, outlive: bool) -> None:
        self._jobs = jobs
        self._outlive = outlive
        self._running: list[Process] = []

    def run(self) -> dict[str, Outcome]:
        """Makes all runs and returns {name: outcome}.

        Any exception, such as an interrupt, stops them all first.
        """
        outcomes = {}
        try:
            for job in self._jobs:
                process = start(job, outlive=self._outlive)
                if isinstance(process, Process):
                    self._running.append(process)
                else:
                    outcomes[job.name] = process
            return outcomes | self._wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops all runs and waits for their checkpoints."""
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
