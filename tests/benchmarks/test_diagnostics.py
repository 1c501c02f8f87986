"""diagnostics.py through its main, on a small network."""

from __future__ import annotations

import json

import diagnostics
import pytest


def test_the_cost_is_a_measurement_beside_the_training_between_two(tmp_path, capsys):
    flags = ["--network=nature", "--width=0.25", "--replay_capacity=300", "--warmup=40", "--states=40"]
    out = tmp_path / "out.json"
    assert diagnostics.main([*flags, "--rounds=2", "--seconds=0.2", "--threads=1", f"--out={out}"]) == 0
    written = json.loads(out.read_text())
    assert written["interval_agent_steps"] == 80_000 and written["states"] == 40
    assert len(written["rounds"]) == 2
    for row in written["rounds"]:
        assert row["measurement_s"] > 0 and row["agent_step_ms"] > 0
        expected = row["measurement_s"] / (row["agent_step_ms"] / 1e3 * 80_000)
        assert row["cost"] == pytest.approx(expected, rel=1e-3)
    printed = capsys.readouterr().out
    assert "every 80,000 agent steps" in printed
    assert f"{100 * written['medians']['cost']:.2f} % more time" in printed
