"""experiments/diagnostics.py as it is called, on run directories as runs write them."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np

from tf_pruned_rl import config
from tf_pruned_rl.analysis import diagnosing, results
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.training.records import Record

COMMAND = Path(__file__).parents[2] / "experiments" / "diagnostics.py"
NAMES = ("q_variance", "parameters_norm", "q_norm", "srank", "dormant", "covariance_size")


def call(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def make_run(directory: Path, value: float, measured: bool = True, **fields: object) -> Path:
    (directory / "diagnostics").mkdir(parents=True)
    settings = config.replace(config.preset("dqn"), **{"game": "Breakout", "diagnostics": True, **fields})
    (directory / "config.json").write_text(config_io.to_json(settings))
    lines = []
    for frames in (1_000_000, 2_000_000):
        returns = {"index": frames / 1e6 - 1, "mean_return": value, "episodes": 9.0}
        lines.append(Record("iteration", frames, frames // 4, 1, returns))
        if measured:
            lines.append(Record("diagnostics", frames, frames // 4, 1, dict.fromkeys(NAMES, value)))
            path = directory / "diagnostics" / f"gradient_covariance-{frames:012d}.npz"
            np.savez(path, all=np.full((3, 3), frames / 4e6), kept=np.eye(3))
    (directory / "metrics.jsonl").write_text("".join(line.to_json() + "\n" for line in lines))
    return directory


def test_draws_both_figures_and_says_the_numbers(tmp_path):
    runs = [
        make_run(tmp_path / "one", 2.0, pruning="none"),
        make_run(tmp_path / "two", 4.0, pruning="none", seed=1),
        make_run(tmp_path / "pruned", 0.5),
        make_run(tmp_path / "pong", 7.0, game="Pong"),
    ]
    out = tmp_path / "figures" / "why.png"
    done = call(f"--runs={','.join(map(str, runs))}", f"--out={out}")
    assert done.returncode == 0, done.stderr
    assert "Breakout, dense (2 runs): return 3, q_variance 3" in done.stdout
    assert "Pong, 95 % pruned (1 runs)" in done.stdout
    for name in ("why.png", "why-covariance.png"):
        assert (out.parent / name).stat().st_size > 5_000
    rows = list(csv.DictReader(out.with_suffix(".csv").open()))
    assert len(rows) == 4 * 2 * (1 + len(NAMES))
    assert {"run", "game", "kind", "frames", "quantity", "value"} == set(rows[0])
    grouped = diagnosing.groups([results.load_run(run) for run in runs])
    assert diagnosing.covariance(grouped["Breakout", "dense"][0])[0] == 2_000_000
    low, high = diagnosing.interval(np.array([[1.0, 5.0], [3.0, 5.0]]))
    assert low.tolist() == [1, 5] and high.tolist() == [3, 5]


def test_mistakes_are_said_in_one_line(tmp_path):
    without = make_run(tmp_path / "without", 1.0, measured=False)
    wide = make_run(tmp_path / "wide", 1.0, width=3.0)
    narrow = make_run(tmp_path / "narrow", 1.0)
    for arguments, says in (
        ((), "no run to draw"),
        ((f"--runs={without}",), "train it with --diagnostics"),
        ((f"--runs={wide},{narrow}",), "several settings"),
        ((f"--runs={narrow}", "--out=a.txt"), "must end in one of"),
    ):
        done = call(*arguments)
        assert done.returncode == 2 and says in done.stderr and done.stderr.count("\n") == 1, done.stderr
