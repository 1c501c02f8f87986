"""experiments/curves.py as it is called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tf_pruned_rl import config
from tf_pruned_rl.training.records import Record

ROOT = Path(__file__).parents[2]
COMMAND = ROOT / "experiments" / "curves.py"


def call(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def make_run(tmp_path, write_run):
    """Returns a function that writes a run whose second iteration has a mean, and a line cut short."""

    def make(name: str, mean: float, **fields: object) -> Path:
        experiment = config.replace(config.preset("dqn"), game="Breakout", network="nature", **fields)
        values = {"index": 1.0, "mean_return": mean, "episodes": 900.0}
        record = Record("iteration", 2_000_000, 500_000, 120_000, values)
        return write_run(tmp_path / name, experiment, [record], '{"kind": "prog')

    return make


def test_draws_and_compares_the_runs(make_run, tmp_path):
    dense = make_run("dense", 7.0, pruning="none")
    pruned = make_run("pruned", 5.0)
    out = tmp_path / "figure.png"
    done = call(f"--runs={dense},{pruned}", f"--out={out}", "--title=Breakout, two million frames")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "DQN Breakout nature dense: iteration 1 mean 7.0, published [5.6, 8.1]: inside",
        "DQN Breakout nature 95 % pruned: iteration 1 mean 5.0, published dense [5.6, 8.1]: below",
        f"Drawn in {out}, numbers in {out.with_suffix('.csv')}",
    ]
    assert out.read_bytes().startswith(b"\x89PNG")
    assert len(out.with_suffix(".csv").read_text().splitlines()) == 3


def test_evaluation_returns(make_run, tmp_path):
    run = make_run("dense", 7.0, pruning="none")
    line = Record("evaluation", 8_000, 2_000, 250, {"mean_return": 3.25, "episodes": 4.0}).to_json()
    (run / "metrics.jsonl").write_text(f"{line}\n")
    out = tmp_path / "figure.png"
    done = call(f"--runs={run}", f"--out={out}", "--returns=evaluation")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "DQN Breakout nature dense: 3.25 after 8,000 frames"
    assert out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no run to draw: give --runs=DIR"),
        (["--runs=nowhere"], "no run directory at nowhere"),
        (["--runs=."], "no config.json"),
    ],
)
def test_mistakes_are_one_line(arguments, message):
    done = call(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1
    assert message in done.stderr
    assert not Path("curves.png").exists()
