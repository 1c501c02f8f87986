"""Checkpoints that are whole or not there: written aside, synced, checksummed, renamed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from tf_pruned_rl import durable
from tf_pruned_rl.errors import UserError

MANIFEST = "manifest.json"
_FORMAT = 1
_ASIDE = "tmp-"  # folders being written or removed: never looked at, deleted when met


class Stateful(Protocol):
    """Something that writes its whole state, random generators included, into a folder of its own."""

    def save(self, directory: Path, previous: Path | None) -> None:
        """Writes the state into the empty ``directory``.

        Args:
          directory: an existing, empty folder.
          previous: this component's folder in an older, intact checkpoint, or None. Files that would
            be the same byte for byte may be hard-linked from there; nothing in it may be changed.
        """

    def load(self, directory: Path) -> None:
        """Puts back, in place, the state ``save`` wrote into ``directory``."""


class VariablesState:
    """TensorFlow objects as one ``Stateful`` (networks, optimizer slots, masks, generators, counters).

    A read copies every variable at once, so arrays of gigabytes are better off with their own format.
    """

    def __init__(self, **trackables: Any) -> None:
        """Names the objects; all their variables must exist before ``load``."""
        import tensorflow as tf  # only here: the rest of the module needs no TensorFlow

        self._checkpoint = tf.train.Checkpoint(**trackables)

    def save(self, directory: Path, previous: Path | None) -> None:
        """Writes all variables; nothing is linked from ``previous``."""
        self._checkpoint.write(str(directory / "variables"))

    def load(self, directory: Path) -> None:
        """Reads all variables, now: none is left to be filled in when it is created later.

        Raises:
          UserError: the variables there are not exactly the ones here.
        """
        try:
            # TensorFlow leaves unmatched variables as they are, silently, unless asked.
            self._checkpoint.read(str(directory / "variables")).assert_consumed()
        except AssertionError as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(
                f"the checkpoint {directory} is of another program ({reason}): resume with the version that "
                "wrote it, or start a new run in another --run_dir"
            ) from error


class Checkpointer:
    """The checkpoints of a run: ``000001``, ``000002``, ... in one folder, the newest ``keep`` of them.

    Each holds one folder per component and a manifest with the size and SHA-256 of every file. The
    manifest is written last and the folder renamed to its final name after that, so an interruption at
    any moment (kill -9, power) leaves the older checkpoints and at most a ``tmp-`` folder.

    Components may hard-link unchanged files, but only from the checkpoint that is removed next: two kept
    checkpoints share no file, so one damaged file never costs more than one of them.
    """

    def __init__(
        self,
        directory: Path,
        components: Mapping[str, Stateful],
        *,
        keep: int = 2,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Opens ``directory`` (made on the first save).

        Args:
          directory: the run's checkpoint folder; one process at a time (see RunDirectory's lock).
          components: what is saved, each under its name, and loaded in this order.
          keep: checkpoints kept; at least 1, and 2 or more to survive a damaged one.
          metadata: written into every manifest for the reader's information (versions, hardware).
        """
        if keep < 1:
            raise ValueError(f"keep must be at least 1, not {keep}")
        self._directory = Path(directory)
        self._components = dict(components)
        self._keep = keep
        self._metadata = dict(metadata or {})
        self._intact: list[Path] = []  # oldest first; written or verified by this process
        self._damaged: list[Path] = []

    def save(self, *, agent_steps: int, frames: int, extra: Mapping[str, object]) -> Path:
        """Writes a checkpoint of all components and removes the oldest.

        Args:
          agent_steps: agent steps taken so far.
          frames: emulator frames played so far.
          extra: JSON values that belong to the same moment; ``restore_latest`` gives them back.

        Returns:
          The new checkpoint's folder.

        Raises:
          UserError: the disk is full. The older checkpoints are untouched.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        self._remove_aside()
        last = self._finished()[-1:]
        number = int(last[0].name) + 1 if last else 1
        aside = self._directory / f"{_ASIDE}{number:06d}"
        final = self._directory / f"{number:06d}"
        try:
            with durable.disk_full_as_user_error(
                self._directory,
                f"a checkpoint in {self._directory}",
                "The checkpoints before it are kept: make room and give the same command again",
                temporary=aside,
                older=last[0] if last else None,
            ):
                manifest: dict[str, object] = {
                    "format": _FORMAT,
                    "agent_steps": agent_steps,
                    "frames": frames,
                }
                manifest |= {"extra": dict(extra), "metadata": self._metadata, "files": self._write(aside)}
                _write_manifest(aside, manifest)
                durable.sync(aside)
                aside.rename(final)
                durable.sync(self._directory)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        self._intact.append(final)
        self._collect_garbage()
        return final

    def restore_latest(self) -> dict[str, Any] | None:
        """Loads all components from the newest intact checkpoint.

        Damaged ones are passed over with one line on stderr.

        Returns:
          The checkpoint's manifest (agent_steps, frames, extra, metadata, files), or None where no
          checkpoint was ever finished.

        Raises:
          UserError: there are checkpoints, and all are damaged.
        """
        self._remove_aside()
        checkpoints = self._finished()
        for path in reversed(checkpoints):
            try:
                manifest = verify(path)
            except DamagedCheckpoint as damage:
                print(f"Warning: skipping the damaged checkpoint {path}: {damage}", file=sys.stderr)
                self._damaged.append(path)
                continue
            for name, component in self._components.items():
                component.load(path / name)
            self._intact = [path]
            return manifest
        if checkpoints:
            raise UserError(
                f"every checkpoint in {self._directory} is damaged: put back an intact copy of one, or start "
                "over in another --run_dir"
            )
        return None

    def _write(self, aside: Path) -> dict[str, dict[str, object]]:
        """Writes all components below ``aside``, synced; returns the manifest's list of files."""
        # Linking only from the checkpoint that goes next keeps the others independent of each other.
        source = self._intact[-self._keep] if len(self._intact) >= self._keep else None
        aside.mkdir()
        for name, component in self._components.items():
            (aside / name).mkdir()
            component.save(aside / name, source / name if source else None)
        return _describe(aside, source)

    def _finished(self) -> list[Path]:
        """Returns the finished checkpoints, intact or not, oldest first."""
        if not self._directory.is_dir():
            return []
        return sorted((p for p in self._directory.iterdir() if p.name.isdecimal()), key=lambda p: int(p.name))

    def _collect_garbage(self) -> None:
        """Removes the damaged checkpoints and all but the newest ``keep`` others."""
        others = [path for path in self._finished() if path not in self._damaged]
        for path in self._damaged + others[: -self._keep]:
            # A half-deleted checkpoint must not look like a damaged one.
            path.rename(self._directory / f"{_ASIDE}old-{path.name}")
        self._remove_aside()
        self._damaged.clear()
        self._intact = self._intact[-self._keep :]

    def _remove_aside(self) -> None:
        for path in self._directory.glob(f"{_ASIDE}*"):
            shutil.rmtree(path)


class DamagedCheckpoint(Exception):
    """A checkpoint that is not what its manifest says; the message says where."""


def verify(path: Path) -> dict[str, Any]:
    """Returns the manifest of the checkpoint ``path`` after comparing every size and checksum.

    Raises:
      DamagedCheckpoint: a file is missing or differs, or the manifest itself does.
    """
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        checksum = manifest.pop("sha256")
        files = {
            str(name): (int(file["bytes"]), str(file["sha256"])) for name, file in manifest["files"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedCheckpoint(f"{MANIFEST} is missing or unreadable") from error
    if checksum != _manifest_checksum(manifest):
        raise DamagedCheckpoint(f"{MANIFEST} does not have its checksum")
    for name, (size, _) in files.items():  # all the sizes first: they cost nothing
        if not (path / name).is_file():
            raise DamagedCheckpoint(f"{name} is missing")
        if (path / name).stat().st_size != size:
            raise DamagedCheckpoint(f"{name} has {(path / name).stat().st_size} bytes instead of {size}")
    for name, (_, digest) in files.items():
        try:
            with open(path / name, "rb") as file:
                same = hashlib.file_digest(file, "sha256").hexdigest() == digest
        except OSError as error:
            raise DamagedCheckpoint(f"{name} cannot be read ({error.strerror})") from error
        if not same:
            raise DamagedCheckpoint(f"{name} does not have its checksum")
    return manifest


def _describe(root: Path, source: Path | None) -> dict[str, dict[str, object]]:
    """Syncs everything below ``root`` and returns {relative path: bytes and sha256}.

    Files linked from the checkpoint ``source`` are on the disk already and keep its checksums.
    """
    known: dict[tuple[int, int], str] = {}
    if source is not None:
        for name, file in json.loads((source / MANIFEST).read_text())["files"].items():
            known[_identity(source / name)] = file["sha256"]
    files: dict[str, dict[str, object]] = {}
    for folder, _, names in os.walk(root, topdown=False):
        for name in sorted(names):
            path = Path(folder, name)
            digest = known.get(_identity(path))
            if digest is None:
                durable.sync(path)
                with open(path, "rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            files[path.relative_to(root).as_posix()] = {"bytes": path.stat().st_size, "sha256": digest}
        durable.sync(Path(folder))
    return dict(sorted(files.items()))


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _write_manifest(directory: Path, manifest: Mapping[str, object]) -> None:
    plain = json.loads(json.dumps(manifest))  # what a reader will see, so that the checksum is of that
    text = json.dumps({"sha256": _manifest_checksum(plain)} | plain, indent=1)
    durable.write(directory / MANIFEST, text + "\n")


def _manifest_checksum(manifest: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
