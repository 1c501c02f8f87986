"""experiments/export.py as it is called, on a run directory with one checkpoint of a learner."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from tf_pruned_rl import config, config_io
from tf_pruned_rl.environments import games
from tf_pruned_rl.training.checkpoint import Checkpointer
from tf_pruned_rl.training.learner import Learner

ROOT = Path(__file__).parents[2]
COMMAND = ROOT / "experiments" / "export.py"


def call(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("runs") / "run"
    directory.mkdir()
    experiment = config.replace(config.preset("rainbow", "quick"), network="nature", width=0.25, num_atoms=5)
    (directory / "config.json").write_text(config_io.to_json(experiment))
    learner = Learner(experiment, len(games.minimal_actions("Pong")))
    learner.gradient_steps.assign(2500)
    learner.pruner.after_gradient_step(tf.constant(2400, tf.int64))
    checkpointer = Checkpointer(directory / "checkpoints", {"learner": learner.state()})
    checkpointer.save(agent_steps=11_000, frames=44_000, extra={"results": {"iteration_mean_return": -20.5}})
    return directory


def test_exports_the_run(run_dir):
    done = call(f"--run_dir={run_dir}")
    assert done.returncode == 0, done.stderr
    description = json.loads((run_dir / "policy" / "policy.json").read_text())
    assert description["agent"] == "rainbow" and description["game"] == "Pong"
    assert description["training"]["mean_return"] == -20.5
    weights = sum(row["parameters"] for row in description["layers"])
    assert abs(description["sparsity"] - 0.95) * weights <= len(description["layers"])
    assert "MACs left" in done.stdout and "44,000 frames" in done.stdout
    for row in description["layers"]:
        assert f"{row['layer']} " in done.stdout
    assert f"--policy={run_dir / 'policy'}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--run_dir"),
        (["--run_dir={}/nowhere"], "no config.json"),
        (["--run_dir={}", "--out={}"], "holds other files and no policy"),
        (["--run_dir={}", "extra"], "extra"),
    ],
    ids=["no run", "nowhere", "onto the run", "extra"],
)
def test_mistakes_are_one_line(run_dir, arguments, message):
    done = call(*(argument.format(run_dir) for argument in arguments))
    assert done.returncode == 2, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and message in errors[0], done.stderr
    assert "Traceback" not in done.stderr
    assert (run_dir / "config.json").is_file(), "nothing is lost"
