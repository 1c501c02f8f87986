"""experiments/diagnostics.py as it is called, on run directories as runs write them."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tf_pruned_rl import config
from tf_pruned_rl.analysis import diagnosing, results
from tf_pruned_rl.training.records import Record

COMMAND = Path(__file__).parents[2] / "experiments" / "diagnostics.py"
NAMES = ("q_variance", "parameters_norm", "q_norm", "srank", "dormant", "covariance_size")


def call(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def make_run(tmp_path, write_run):
    """Returns a function that writes a run of two iterations, with diagnostics or without."""

    def make(name: str, value: float, measured: bool = True, **fields: object) -> Path:
        settings = config.replace(config.preset("dqn"), **{"game": "Breakout", "diagnostics": True, **fields})
        records = []
        for frames in (1_000_000, 2_000_000):
            returns = {"index": frames / 1e6 - 1, "mean_return": value, "episodes": 9.0}
            records.append(Record("iteration", frames, frames // 4, 1, returns))
            if measured:
                records.append(Record("diagnostics", frames, frames // 4, 1, dict.fromkeys(NAMES, value)))
        frames_measured = (1_000_000, 2_000_000) if measured else ()
        covariances = {frames: np.full((3, 3), frames / 4e6) for frames in frames_measured}
        return write_run(tmp_path / name, settings, records, covariances=covariances)

    return make


def test_draws_both_figures_and_says_the_numbers(make_run, tmp_path):
    runs = [
        make_run("one", 2.0, pruning="none"),
        make_run("two", 4.0, pruning="none", seed=1),
        make_run("pruned", 0.5),
        make_run("pong", 7.0, game="Pong"),
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
    groups = diagnosing.groups([results.load_run(run) for run in runs])
    assert diagnosing.covariance(groups["Breakout", "dense"][0])[0] == 2_000_000


def test_mistakes_are_said_in_one_line(make_run):
    without = make_run("without", 1.0, measured=False)
    wide = make_run("wide", 1.0, width=3.0)
    narrow = make_run("narrow", 1.0)
    for arguments, says in (
        ((), "no run to draw"),
        ((f"--runs={without}",), "train it with --diagnostics"),
        ((f"--runs={wide},{narrow}",), "several settings"),
        ((f"--runs={narrow}", "--out=a.txt"), "must end in one of"),
    ):
        done = call(*arguments)
        assert done.returncode == 2 and says in done.stderr and done.stderr.count("\n") == 1, done.stderr
