"""compact.py through its main, on a small network."""

from __future__ import annotations

import json

import compact


def test_what_is_left_beside_the_dense_network(tmp_path, capsys):
    out = tmp_path / "out.json"
    flags = ["--network=nature", "--width=0.25", "--sparsity=0.5", "--runs=20", f"--out={out}"]
    assert compact.main(flags) == 0
    rows = json.loads(out.read_text())["rows"]
    assert [row["runtime"] for row in rows] == ["TensorFlow", "TensorFlow Lite"] * 3
    assert [row["network"] for row in rows] == [name for name in ("dense", *compact.STRUCTURES) for _ in "12"]
    for row in rows:
        low, high = row["quartiles_ms"]
        assert 0 < low <= row["median_ms"] <= high and row["difference"] < 1e-5
        if row["runtime"] == "TensorFlow" or row["network"] == "dense":  # zeros in blocks are left out
            assert 4 * row["parameters"] < row["bytes"] < 4 * row["parameters"] + 300_000
    # 4, 8, 8 of 8, 16, 16 channels; of 512 units 256, less about one in 16 that no action reads any more.
    convolutions = 8 * 8 * 4 * 4 + 4 + 4 * 4 * 4 * 8 + 8 + 3 * 3 * 8 * 8 + 8
    units, rest = divmod(rows[2]["parameters"] - convolutions - 4, 11 * 11 * 8 + 1 + 4)
    assert rest == 0 and 200 < units <= 256
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 7 and printed[2].startswith("TensorFlow ") and "(1.0x)" in printed[0]
