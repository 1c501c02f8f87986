"""loading.py through its main, on little data."""

from __future__ import annotations

import json
import math

import loading
import pytest


def test_loading_and_learner_are_measured(tmp_path, capsys):
    out = tmp_path / "out.json"
    flags = ["--entries=400", "--buffers=2", "--network", "nature", "--seconds=0.05", f"--out={out}"]
    assert loading.main(flags) == 0
    assert capsys.readouterr().out.startswith("2 buffers of 400; writing an entry takes ")
    written = json.loads(out.read_text())
    whole, part, first = written["loading"].values()
    # The last buffer lacks the entries after the newest, and each the one left over.
    assert 780 <= whole["entries"] <= 798 and part["entries"] == first["entries"] == 40
    assert whole["estimate GB"] == pytest.approx(whole["entries"] * 7_056 / 1e9, rel=0.01)
    row = written["learners"]["nature"]
    assert all(math.isfinite(value) and value >= 0 for value in row.values())
    assert row["transitions/s"] == pytest.approx(32 * row["gradient steps/s"], rel=1e-3)
