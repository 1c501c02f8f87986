"""limit.py through its main, with contenders that need no time; and that processes are bound."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import limit
import pytest
from measuring import contender

CORES = len(os.sched_getaffinity(0))


@pytest.fixture
def out(tiny, tmp_path, monkeypatch):
    """Puts the contender that needs no time in everybody's place; returns where to write."""
    monkeypatch.setattr(limit, "OURS", contender.Kind(tiny))
    kinds = {"tf_agents": contender.Kind(tiny), "sb3": contender.Kind(tiny, "sb3")}
    monkeypatch.setattr(limit, "KINDS", kinds)
    return tmp_path / "out.json"


def test_copies_are_as_fast_as_all_of_them_together(out, capsys):
    flags = ["--rounds=2", "--seconds=1", "--peers=tf_agents,sb3", f"--out={out}"]
    assert limit.main(flags) == 0
    printed = capsys.readouterr().out
    assert "sb3: not installed: make bench-peers" in printed
    together = f"{CORES:.2f} ({CORES:.2f} to {CORES:.2f})"
    for name, ratio in (
        (limit.RUN, "1.00 (1.00 to 1.00)"),
        (limit.COPIES, together),
        (limit.ALONE, together),
    ):
        assert any(line.startswith(f"{name}  ") and line.endswith(ratio) for line in printed.splitlines())
    steps = json.loads(out.read_text())["contenders"]
    assert steps[limit.RUN]["step_ms"] == pytest.approx([10, 10])
    assert steps[limit.COPIES]["step_ms"] == pytest.approx([10 / CORES] * 2)


def test_slices_side_by_side_add_their_speeds():
    slices = [
        {"agent_steps": 30, "seconds": 2.0, "resident_bytes": 5},
        {"agent_steps": 10, "seconds": 1.0, "resident_bytes": 7},
    ]
    assert limit.together(slices) == {"agent_steps": 25, "seconds": 1.0, "resident_bytes": 12}


def test_a_process_started_within_is_bound_to_its_core():
    before = os.sched_getaffinity(0)
    core = max(before)
    command = [sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"]
    with limit.bound_to(core):
        assert subprocess.run(command, capture_output=True, text=True).stdout.strip() == str({core})
    assert os.sched_getaffinity(0) == before


def test_a_death_is_reported_with_its_last_words(out, capsys):
    assert limit.main(["--width=13", f"--out={out}"]) == 1
    assert "thirteen is too many" in capsys.readouterr().err
    assert not out.exists()
