"""The folder that holds a whole run: opened by one process at a time, for one configuration."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tf_pruned_rl import __version__, durable
from tf_pruned_rl.config import Config
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.runtime import gpu_names, processor_name

CONFIG = "config.json"
_LOCK = ".lock"
_PACKAGES = (
    "tensorflow",
    "tf-keras",
    "tf-agents",
    "tensorflow-model-optimization",
    "ale-py",
    "gymnasium",
    "mujoco",
    "numpy",
)


class RunDirectory:
    """A run's folder, locked: config.json, versions.json and the paths of everything else in it.

    Use it as a context manager, or ``close`` it; the lock also goes when the process ends, however it
    ends.
    """

    def __init__(self, path: Path, lock: int) -> None:
        """See ``open``."""
        self.path = path
        self.config_file = path / CONFIG
        self.versions = path / "versions.json"
        self.metrics = path / "metrics.jsonl"
        self.events = path / "events"
        self.data = path / "data.json"
        self.diagnostics = path / "diagnostics"
        self.checkpoints = path / "checkpoints"
        self.policy = path / "policy"
        self.summary = path / "summary.json"
        self._lock: int | None = lock

    @classmethod
    def open(cls, path: str | os.PathLike[str], config: Config) -> RunDirectory:
        """Makes the folder, or opens it again for the same configuration.

        Nothing in it is changed when it is refused.

        Raises:
          UserError: it cannot be written, another process has it open, it is of another configuration,
            its config.json is damaged, or it holds something that is no run.
        """
        path = Path(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            _check_is_run(path)
            run = cls(path, _take_lock(path))
            try:
                run._write_or_compare(config)
                run._write_versions()
            except BaseException:
                run.close()
                raise
        except OSError as error:
            raise UserError(
                f"the run directory {path} cannot be written ({error.strerror}): give another --run_dir"
            ) from error
        return run

    def write_summary(self, summary: Mapping[str, object]) -> None:
        """Writes the end result to summary.json."""
        durable.write(self.summary, json.dumps(summary, indent=2) + "\n")

    def keep_provenance(self, provenance: Mapping[str, object]) -> None:
        """Writes to data.json which data a run learns from, if they come from elsewhere.

        Raises:
          UserError: they are not those that it has learned from before.
        """
        if not provenance:
            return
        text = json.dumps(provenance, indent=1) + "\n"
        if self.data.exists() and self.data.read_text() != text:
            raise UserError(
                f"{self.path} holds a run on other data: {self.data} says which; put those back, or give "
                "another --run_dir"
            )
        durable.write(self.data, text)

    def close(self) -> None:
        """Releases the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write_or_compare(self, config: Config) -> None:
        if not self.config_file.exists():
            durable.write(self.config_file, config_io.to_json(config))
            return
        differences = config_io.differences(config_io.read(self.config_file), config)
        if differences:
            listed = "; ".join(map(str, differences))
            raise UserError(
                f"{self.path} holds a run of another configuration ({listed}): give the same flags to go on "
                "with it, or another --run_dir"
            )

    def _write_versions(self) -> None:
        """Writes versions.json; says on stderr which packages changed since the run was last open."""
        now = versions()
        try:
            before = dict(json.loads(self.versions.read_text()))
        except (OSError, ValueError, TypeError):
            before = now
        changed = [
            f"{name} {before[name]} -> {now[name]}"
            for name in ("python", "tf-pruned-rl", *_PACKAGES)
            if before.get(name, now[name]) != now[name]
        ]
        if changed:
            print(
                f"Warning: versions changed since this run was last open ({', '.join(changed)}); it goes on, "
                "but not bit by bit as it would have.",
                file=sys.stderr,
            )
        durable.write(self.versions, json.dumps(now, indent=2) + "\n")


def versions() -> dict[str, object]:
    """Returns the versions of what makes the numbers, and the processor's and the GPUs' names."""
    facts: dict[str, object] = {"python": platform.python_version(), "tf-pruned-rl": __version__}
    for package in _PACKAGES:
        try:
            facts[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            facts[package] = "not installed"
    return facts | {"processor": processor_name(), "gpus": gpu_names()}


def _check_is_run(path: Path) -> None:
    """Refuses a folder with somebody's files in it."""
    ours_before_config = {_LOCK, durable.aside(path / CONFIG).name}
    names = {entry.name for entry in path.iterdir()}
    if CONFIG not in names and names - ours_before_config:
        raise UserError(
            f"{path} is not empty and has no {CONFIG}, so it is no run: give another --run_dir, or an empty "
            "one"
        )


def _take_lock(path: Path) -> int:
    """Returns the descriptor of the lock file, locked; the kernel unlocks it when the process ends."""
    lock = durable.lock(path / _LOCK)
    if lock is None:
        holder = (path / _LOCK).read_text(errors="replace")[:32].strip()
        raise UserError(
            f"the run directory {path} is in use by process {holder or 'unknown'}: wait until it ends, stop "
            "it, or give another --run_dir"
        )
    durable.write_locked(lock, f"{os.getpid()}\n")
    return lock
