"""One run to be made in a sweep's directory."""

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
    """A run and where it is made; it can be pickled and sent to another machine."""

    run: PlannedRun
    directory: Path
    """The sweep's directory, absolute."""
    scripts: Path
    """The folder of the training commands, absolute."""
    threads: int
    """CPU cores the run keeps busy."""

    @property
    def name(self) -> str:
        """Of the run directory."""
        return self.run.name

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.directory / self.name

    @property
    def log(self) -> Path:
        """What the command prints, of all its starts."""
        return self.directory / "logs" / f"{self.name}.log"

    @property
    def claim(self) -> Path:
        """Locked by whoever makes the run; says who that was and how it ended."""
        return self.directory / "logs" / f"{self.name}.json"

    def command(self) -> list[str]:
        """Returns the command line that makes the run, or goes on with it."""
        script = self.scripts / f"{self.run.command}.py"
        where = [f"--threads={self.threads}", f"--run_dir={self.path}"]
        return [sys.executable, "-u", str(script), *self.run.flags(), *where]

    def finished(self) -> bool:
        """Says whether the run is there, whole.

        Raises:
          UserError: another run lies at its place.
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
    """Returns one job for every different run, in order."""
    return tuple(Job(run, directory.absolute(), scripts.absolute(), threads) for run in unique(runs))
