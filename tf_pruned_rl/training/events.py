"""Where records go: metrics.jsonl and TensorBoard, both continued after a resume as if never stopped."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from tf_pruned_rl import durable
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.training.records import Record


class MetricsLog(durable.GrowingFile):
    """metrics.jsonl: one record per line, only ever appended to, each line flushed at once."""

    def write(self, record: Record) -> None:
        """Appends a line.

        Raises:
          UserError: it could not be written (the disk is full).
        """
        with _unwritable_as_user_error(self.path):
            self.file.write(record.to_json().encode() + b"\n")
            self.file.flush()


@contextlib.contextmanager
def _unwritable_as_user_error(path: Path) -> Iterator[None]:
    advice = "Make room and give the same command again"
    try:
        with durable.disk_full_as_user_error(path.parent, str(path), advice):
            yield
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}): {advice.lower()}") from error


def read_metrics(path: Path) -> list[Record]:
    """Returns the records in ``path``, without a last line that is still being written."""
    text = Path(path).read_text()
    return [Record.from_json(line) for line in text[: text.rfind("\n") + 1].splitlines()]


class TensorBoardWriter:
    """Scalars for TensorBoard, with emulator frames as their step."""

    def __init__(self, directory: Path, *, frames: int = 0) -> None:
        """Starts a new event file.

        Args:
          directory: TensorBoard's folder of this run.
          frames: where the run goes on; what older event files say of it and after is dropped.
        """
        self._writer = EventFileWriter(str(directory))
        # The sign of a restart: TensorBoard forgets all it has read at this step and after.
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._writer.add_event(event_pb2.Event(wall_time=time.time(), step=frames, session_log=start))

    def write(self, record: Record) -> None:
        """Adds the record's numbers, each under its tag (see ``tags``)."""
        now = record.clock.get("time", time.time())
        for tag, value in tags(record).items():
            # As simple_value: TensorBoard reads it like any scalar, and so do scripts made for older files.
            summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, simple_value=value)])
            self._writer.add_event(event_pb2.Event(wall_time=now, step=record.frames, summary=summary))

    def flush(self) -> None:
        """Writes what is pending to the file."""
        self._writer.flush()

    def close(self) -> None:
        """Flushes and closes the event file."""
        self._writer.close()


def tags(record: Record) -> dict[str, float]:
    """Returns TensorBoard's scalars by tag: returns/, training/, pruning/, evaluation/, diagnostics/."""
    if record.kind == "progress":
        speed = {name: value for name, value in record.clock.items() if name == "steps_per_second"}
        return {
            f"{'returns' if name.endswith('_return') else 'training'}/{name}": value
            for name, value in (record.values | speed).items()
        }
    prefixes = {kind: f"{kind}/" for kind in ("evaluation", "pruning", "diagnostics")}
    prefixes["iteration"] = "returns/iteration_"
    if record.kind not in prefixes:
        return {}
    return {prefixes[record.kind] + name: value for name, value in record.values.items()}


class Events:
    """metrics.jsonl and TensorBoard together."""

    def __init__(self, metrics: Path, directory: Path, *, position: int = 0, frames: int = 0) -> None:
        """Starts, or goes on from a checkpoint: what was written after it is dropped from both.

        Args:
          metrics: path of metrics.jsonl.
          directory: TensorBoard's folder.
          position: ``position()`` at the checkpoint; 0 starts over.
          frames: emulator frames at the checkpoint; 0 starts over.

        Raises:
          UserError: metrics.jsonl is shorter than ``position``.
        """
        self._metrics = MetricsLog(metrics)
        self._metrics.cut(position)
        self._directory = Path(directory)
        self._board = TensorBoardWriter(directory, frames=frames)
        for record in read_metrics(metrics):
            if record.frames >= frames:  # of the checkpoint's very moment: just dropped as well
                self._board.write(record)

    def write(self, record: Record) -> None:
        """Writes the record to both, at once.

        Raises:
          UserError: one could not be written (the disk is full).
        """
        self._metrics.write(record)
        with _unwritable_as_user_error(self._directory):
            self._board.write(record)
            self._board.flush()

    def position(self) -> int:
        """Returns the durable length of metrics.jsonl in bytes: what a checkpoint must remember."""
        return self._metrics.position()

    def close(self) -> None:
        """Closes both."""
        self._metrics.close()
        self._board.close()
