"""A run of a sweep: its directory, its command line, and whether it is finished."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tf_pruned_rl.analysis.figures.spec import PlannedRun, unique
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.errors import UserError


@dataclass(frozen=True)
class Job:
    """A run and its place in a sweep; it can be pickled and sent to another machine."""

    run: PlannedRun
    directory: Path
    """The sweep's directory, absolute."""
    scripts: Path
    """The folder of the training commands, absolute."""
    threads: int
    """CPU cores the run keeps busy."""

    @property
    def name(self) -> str:
        """Name of the run directory."""
        return self.run.name

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.directory / self.name

    @property
    def log(self) -> Path:
        """The output of all starts of the command."""
        return self.directory / "logs" / f"{self.name}.log"

    @property
    def claim(self) -> Path:
        """Claim file: locked by the process that makes the run, and its record (see ``claims``)."""
        return self.directory / "logs" / f"{self.name}.json"

    def command(self) -> list[str]:
        """Returns the command line that starts the run or resumes it."""
        script = self.scripts / f"{self.run.command}.py"
        place = [f"--threads={self.threads}", f"--run_dir={self.path}"]
        return [sys.executable, "-u", str(script), *self.run.flags(), *place]

    def finished(self) -> bool:
        """Returns whether the run is complete.

        Raises:
          UserError: its directory holds another run.
        """
        if not (self.path / "config.json").exists():
            return False
        differences = config_io.differences(config_io.read(self.path / "config.json"), self.run.config)
        if differences:
            raise UserError(
                f"{self.path} holds a run of another configuration ({'; '.join(map(str, differences))}): "
                "move it away, or give another --runs"
            )
        return (self.path / "summary.json").exists()


def create(runs: Iterable[PlannedRun], directory: Path, scripts: Path, threads: int) -> tuple[Job, ...]:
    """Returns a job for every distinct run, in order."""
    return tuple(Job(run, directory.absolute(), scripts.absolute(), threads) for run in unique(runs))
