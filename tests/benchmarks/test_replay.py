"""replay.py through its main, on a small replay."""

from __future__ import annotations

import json
import math

import pytest
import replay


def test_one_row_per_sampler(tmp_path, capsys):
    out = tmp_path / "out.json"
    assert replay.main(["--capacity=1000", "--num_envs=2", "--seconds=0.02", f"--out={out}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1,000 steps, 2 environment(s), 3-step")
    assert [line.split()[0] for line in lines[-2:]] == ["uniform", "prioritized"]
    written = json.loads(out.read_text())
    assert set(written["samplers"]) == {"uniform", "prioritized"}
    for row in written["samplers"].values():
        # How long anything takes is for the benchmark to say; a busy machine can turn any order round.
        assert all(math.isfinite(value) for value in row.values())
        assert row["loop turn us"] > 0 and row["launch us"] > 0
        assert row["estimate GB"] == pytest.approx(1_000 * 84 * 84 / 1e9, rel=0.02)
