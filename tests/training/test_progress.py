"""Tests of what the user sees."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tf_pruned_rl.training import progress
from tf_pruned_rl.training.progress import Progress, final_table, progress_line
from tf_pruned_rl.training.records import Record

VALUES = {"last_return": -21.0, "mean_return": -20.25, "loss": 0.01234, "sparsity": 0.4125, "epsilon": 0.1}


def progress_record(frames: int, gradient_steps: int = 1, **values: float) -> Record:
    return Record("progress", frames, frames // 4, gradient_steps, values, {"steps_per_second": 50.0})


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=120, color_system=None)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(progress.time, "monotonic", lambda: self.now)


def test_line_holds_everything() -> None:
    # 3,000,000 frames are left: 750,000 agent steps, at 100/s 7500 s = 2:05:00.
    assert progress_line(progress_record(1_000_000, **VALUES), 4_000_000, 100.0) == (
        "1,000,000/4,000,000 frames 25.0% | 100 steps/s | 2:05:00 left | return -21 (mean -20.2) | "
        "loss 0.0123 | sparsity 41.2%"
    )


def test_line_without_what_is_not_known_yet() -> None:
    assert progress_line(progress_record(0), 400, 0.0) == "0/400 frames 0.0%"
    assert progress_line(progress_record(400, loss=float("nan")), 400, 10.0) == (
        "400/400 frames 100.0% | 10 steps/s | 0:00:00 left | loss nan"
    )
    assert progress_line(progress_record(100, gradient_steps=0), 400, 10.0) == (
        "100/400 frames 25.0% | 10 steps/s | warm-up"
    )


def test_without_a_terminal_a_plain_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, out = Clock(monkeypatch), console(terminal=False)
    with Progress(4000, console=out, plain_every=30.0) as bar:
        for second in range(65):
            clock.now = float(second)
            bar.update(progress_record(40 * (second + 1), **VALUES))
    lines = written(out).splitlines()
    assert [line.split()[0] for line in lines] == ["40/4,000", "1,240/4,000", "2,440/4,000", "2,600/4,000"]
    assert "\x1b" not in written(out)
    assert "\r" not in written(out)


def test_plain_lines_are_not_wrapped() -> None:
    out = Console(file=io.StringIO(), width=20)
    with Progress(4000, console=out) as bar:
        bar.update(progress_record(40, **VALUES))
    assert written(out).count("\n") == 1


def test_a_terminal_gets_one_live_line() -> None:
    out = console(terminal=True)
    with Progress(4000, console=out) as bar:
        bar.update(progress_record(40, **VALUES))
        bar.update(progress_record(80))
    assert written(out).count("40/4,000 frames") == 1
    assert "80/4,000 frames" in written(out)
    assert "\x1b[" in written(out)
    assert written(out).rstrip("\x1b[?25h").count("\n") == 1  # each refresh overwrites the one before


def test_terminal_is_given_back_after_an_error() -> None:
    out = console(terminal=True)
    with pytest.raises(RuntimeError), Progress(4000, console=out) as bar:
        bar.update(progress_record(40))
        raise RuntimeError
    assert written(out).endswith("\x1b[?25h")  # the cursor is shown again


def test_speed_is_the_mean_of_the_last_records(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, out = Clock(monkeypatch), console(terminal=False)
    with Progress(4000, console=out, plain_every=0.0) as bar:
        for second, frames in enumerate((400, 800, 1600)):
            clock.now = float(second)
            bar.update(progress_record(frames))
    # One record: its own speed. Then (200 - 100) / 1 s, then (400 - 100) / 2 s.
    assert [line.split(" | ")[1] for line in written(out).splitlines()] == [
        "50 steps/s",
        "100 steps/s",
        "150 steps/s",
    ]


def test_the_speed_of_the_warm_up_is_not_mixed_with_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, out = Clock(monkeypatch), console(terminal=False)
    with Progress(4000, console=out, plain_every=0.0) as bar:
        for second, (frames, gradient_steps) in enumerate([(1200, 0), (2400, 0), (2480, 10), (2520, 20)]):
            clock.now = float(second)
            bar.update(progress_record(frames, gradient_steps))
    # A record's own speed in the warm-up and at the first after it; then (630 - 620) / 1 s.
    assert [line.split(" | ")[1:3] for line in written(out).splitlines()] == [
        ["50 steps/s", "warm-up"],
        ["50 steps/s", "warm-up"],
        ["50 steps/s", "0:00:08 left"],
        ["10 steps/s", "0:00:37 left"],
    ]


def test_other_records_are_ignored() -> None:
    out = console(terminal=False)
    with Progress(4000, console=out) as bar:
        bar.update(Record("pruning", 40, 10, 0, {"loss": 1.0}))
    assert written(out) == ""


def test_final_table() -> None:
    out = Console(file=io.StringIO(), width=60)
    path = "/a/long/path/" * 8
    final_table(
        "Result",
        [
            ("mean_return", -20.5),
            ("frames", 40_000_000),
            ("done", True),
            ("sparsity", 0.95),
            ("policy", path),
        ],
        console=out,
    )
    text = written(out)
    assert text.startswith("Result")
    rows = [[cell.strip() for cell in line.split("│")[1:3]] for line in text.splitlines() if "│" in line]
    assert rows[:4] == [
        ["mean return", "-20.5"],
        ["frames", "40,000,000"],
        ["done", "True"],
        ["sparsity", "0.95"],
    ]
    assert "".join(row[1] for row in rows[4:]) == path  # folded, not cut


def test_markup_in_values_is_printed_as_it_is() -> None:
    out = Console(file=io.StringIO(), width=60)
    final_table("Result", [("run", "[bold]x[/]")], console=out)
    assert "[bold]x[/]" in written(out)
