"""replay.py through its main, on a small replay."""

from __future__ import annotations

import json

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
        # Launching a function for a single add costs more than the add itself.
        assert 0 < row["add us"] < row["add launched us"]
        assert 0 < row["sample us"]
