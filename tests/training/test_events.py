"""Tests of the events: a resumed run's log and its TensorBoard equal those of one never stopped."""

from __future__ import annotations

import errno
import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
from tensorboard.summary.writer import event_file_writer

from tf_pruned_rl.errors import UserError
from tf_pruned_rl.training.events import Events, MetricsLog, TensorBoardWriter, read_metrics, tags
from tf_pruned_rl.training.records import Record


def progress(frames: int, loss: float = 0.5) -> Record:
    clock = {"steps_per_second": 58.0, "time": 1000.0 + frames}
    return Record("progress", frames, frames // 4, 0, {"loss": loss, "mean_return": 2.0}, clock)


def scalars(directory: Path) -> dict[str, list[tuple[int, float]]]:
    """Returns {tag: [(step, value)]} as TensorBoard itself reads them."""
    accumulator = plugin_event_accumulator.EventAccumulator(
        str(directory), tensor_size_guidance={"scalars": 0}
    )
    accumulator.Reload()
    return {
        tag: [(event.step, float(tf.make_ndarray(event.tensor_proto))) for event in accumulator.Tensors(tag)]
        for tag in accumulator.Tags()["tensors"]
    }


def legacy_scalars(directory: Path) -> dict[str, list[tuple[int, float]]]:
    """Returns the same as the class that people's scripts read event files with."""
    accumulator = event_accumulator.EventAccumulator(str(directory), size_guidance={"scalars": 0})
    accumulator.Reload()
    return {
        tag: [(event.step, event.value) for event in accumulator.Scalars(tag)]
        for tag in accumulator.Tags()["scalars"]
    }


@pytest.fixture(autouse=True)
def a_second_between_openings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Event files are read in the order of their names, which hold the second they were made in."""
    seconds = itertools.count(1_000_000_000)
    monkeypatch.setattr(event_file_writer, "time", SimpleNamespace(time=lambda: float(next(seconds))))


def write_all(events: Events, frames: range) -> None:
    for frame in frames:
        events.write(progress(frame, loss=float(frame)))
        events.write(Record("pruning", frame, frame // 4, 0, {"sparsity/total": frame / 1000}))


def test_log_appends_and_is_readable_at_once(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path / "metrics.jsonl")
    records = [progress(4), progress(8)]
    for count, record in enumerate(records, 1):
        log.write(record)
        assert read_metrics(tmp_path / "metrics.jsonl") == records[:count]
    log.close()
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log.write(progress(12))
    assert read_metrics(tmp_path / "metrics.jsonl") == [*records, progress(12)]


def test_half_written_last_line_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    text = "".join(progress(frame).to_json() + "\n" for frame in (4, 8))
    for length in (*range(0, len(text), 11), len(text) - 1, len(text)):
        path.write_text(text[:length])
        assert len(read_metrics(path)) == text[:length].count("\n")


@pytest.mark.parametrize("after", [0, 1, 3])
def test_truncate_gives_the_uninterrupted_file_byte_for_byte(tmp_path: Path, after: int) -> None:
    whole = MetricsLog(tmp_path / "whole")
    for frame in range(0, 40, 4):
        whole.write(progress(frame))
    cut = MetricsLog(tmp_path / "cut")
    assert cut.position() == 0
    for frame in range(0, 20, 4):
        cut.write(progress(frame))
    position = cut.position()
    assert position == (tmp_path / "cut").stat().st_size
    for frame in range(20, 20 + 4 * after, 4):
        cut.write(progress(frame, loss=9.0))
    cut.close()
    with open(tmp_path / "cut", "a") as file:
        file.write('{"kind": "prog')
    cut = MetricsLog(tmp_path / "cut")
    cut.cut(position)
    assert cut.position() == position
    for frame in range(20, 40, 4):
        cut.write(progress(frame))
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_log_shorter_than_its_checkpoint_is_refused(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log.write(progress(4))
    with pytest.raises(UserError, match=r"metrics\.jsonl has .* bytes where the checkpoint counts"):
        log.cut(log.position() + 1)
    assert read_metrics(tmp_path / "metrics.jsonl") == [progress(4)]


def test_full_disk_is_told(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    log = MetricsLog(Path("/dev/full"))
    with pytest.raises(UserError, match=r"disk is full .*: /dev/full cannot be written"):
        log.write(progress(4))


def test_full_disk_of_tensorboard_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = Events(tmp_path / "metrics.jsonl", tmp_path / "events")

    def full(writer: TensorBoardWriter) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(TensorBoardWriter, "flush", full)
    with pytest.raises(UserError, match=r"No space left on device\): .*events cannot be written"):
        events.write(progress(4))
    assert read_metrics(tmp_path / "metrics.jsonl") == [progress(4)]


def test_tags() -> None:
    values = {
        "loss": 1.0,
        "q_mean": 2.0,
        "epsilon": 0.1,
        "last_return": 3.0,
        "mean_return": 4.0,
        "sparsity": 0.5,
    }
    assert tags(Record("progress", 4, 1, 0, values, {"steps_per_second": 58.0, "time": 1e9})) == {
        "training/loss": 1.0,
        "training/q_mean": 2.0,
        "training/epsilon": 0.1,
        "training/sparsity": 0.5,
        "training/steps_per_second": 58.0,
        "returns/last_return": 3.0,
        "returns/mean_return": 4.0,
    }
    assert tags(Record("iteration", 4, 1, 0, {"mean_return": 1.0})) == {"returns/iteration_mean_return": 1.0}
    assert tags(Record("evaluation", 4, 1, 0, {"mean_return": 1.0})) == {"evaluation/mean_return": 1.0}
    assert tags(Record("pruning", 4, 1, 0, {"sparsity/dense": 1.0})) == {"pruning/sparsity/dense": 1.0}
    assert tags(Record("end", 4, 1, 0, {"mean_return": 1.0})) == {}


def test_tensorboard_reads_what_was_written(tmp_path: Path) -> None:
    writer = TensorBoardWriter(tmp_path)
    writer.write(progress(4, loss=0.25))
    writer.write(progress(8, loss=float("nan")))
    writer.close()
    read = scalars(tmp_path)
    assert read["training/steps_per_second"] == [(4, 58.0), (8, 58.0)]
    assert read["training/loss"][0] == (4, 0.25)
    assert str(read["training/loss"][1]) == "(8, nan)"
    accumulator = event_accumulator.EventAccumulator(str(tmp_path))
    accumulator.Reload()
    assert [event.wall_time for event in accumulator.Scalars("training/loss")] == [1004.0, 1008.0]


def test_tensorboard_sees_a_record_before_the_file_is_closed(tmp_path: Path) -> None:
    events = Events(tmp_path / "metrics.jsonl", tmp_path / "events")
    events.write(progress(4, loss=0.25))
    assert scalars(tmp_path / "events")["training/loss"] == [(4, 0.25)]
    events.close()


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_resumed_equals_uninterrupted(tmp_path: Path, lost: int) -> None:
    whole = Events(tmp_path / "whole.jsonl", tmp_path / "whole")
    write_all(whole, range(0, 40, 4))
    whole.close()
    cut = Events(tmp_path / "cut.jsonl", tmp_path / "cut")
    write_all(cut, range(0, 20, 4))
    position = cut.position()
    for frame in range(16, 16 + 4 * lost, 4):  # written after the checkpoint, then the process was killed
        cut.write(progress(frame, loss=-1.0))
    cut.close()
    cut = Events(tmp_path / "cut.jsonl", tmp_path / "cut", position=position, frames=16)
    write_all(cut, range(20, 40, 4))
    cut.close()
    assert (tmp_path / "cut.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    for read in (scalars, legacy_scalars):
        assert read(tmp_path / "cut") == read(tmp_path / "whole")
        assert [step for step, _ in read(tmp_path / "cut")["training/loss"]] == list(range(0, 40, 4))
    assert len(list((tmp_path / "cut").iterdir())) == 2


def test_starting_over_drops_everything(tmp_path: Path) -> None:
    for loss in (1.0, 2.0):
        events = Events(tmp_path / "metrics.jsonl", tmp_path / "events")
        events.write(progress(0, loss))
        events.write(progress(4, loss))
        events.close()
    assert scalars(tmp_path / "events")["training/loss"] == [(0, 2.0), (4, 2.0)]
    assert read_metrics(tmp_path / "metrics.jsonl") == [progress(0, 2.0), progress(4, 2.0)]
