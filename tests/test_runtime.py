"""What a machine offers, and start-up chatter held back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tf_pruned_rl import runtime
from tf_pruned_rl.runtime import muted_stderr


def test_nothing_reaches_stderr(capfd):
    with muted_stderr():
        os.write(2, b"chatter from C++\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_an_error_shows_what_was_held_back(capfd):
    with pytest.raises(ValueError, match="broken"), muted_stderr():
        os.write(2, b"the reason\n")
        raise ValueError("broken")
    assert capfd.readouterr().err == "the reason\n"


def test_only_the_cores_of_the_process_count(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5, 6}, raising=False)
    assert runtime.available_cores() == 3


def test_all_cores_count_where_the_system_does_not_tell(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert runtime.available_cores() == 8
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert runtime.available_cores() == 1


def test_control_group(tmp_path: Path) -> None:
    """Limit 1000, used 700 of which 200 is idle file cache: 500 are left."""
    names = ("memory.max", "memory.current", "inactive_file")
    assert runtime.control_group_room(tmp_path, *names) is None
    for name, content in (
        ("memory.max", "1000\n"),
        ("memory.current", "700\n"),
        ("memory.stat", "inactive_file 200\n"),
    ):
        (tmp_path / name).write_text(content)
    assert runtime.control_group_room(tmp_path, *names) == 500
    (tmp_path / "memory.max").write_text("max\n")
    assert runtime.control_group_room(tmp_path, *names) is None
    assert runtime.available_bytes() > 0
