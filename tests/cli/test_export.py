"""experiments/export.py as it is called, on a run directory with one checkpoint of a learner."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from tf_pruned_rl import config
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.environments import DiscreteSpec, games
from tf_pruned_rl.policies import policy_json
from tf_pruned_rl.training.checkpoint import Checkpointer
from tf_pruned_rl.training.learner import Learner

ROOT = Path(__file__).parents[2]
COMMAND = ROOT / "experiments" / "export.py"
EVALUATE = ROOT / "experiments" / "evaluate.py"


def call(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("runs") / "run"
    directory.mkdir()
    experiment = config.replace(config.preset("rainbow", "quick"), network="nature", width=0.25, num_atoms=5)
    (directory / "config.json").write_text(config_io.to_json(experiment))
    learner = Learner(experiment, DiscreteSpec(len(games.minimal_actions("Pong"))))
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


def python(code: str, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


PLAY_AND_TELL = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print("LOADED", [name for name in ("tensorflow", "keras", "tf_keras") if name in sys.modules])
"""


def test_formats_are_verified_on_the_game_and_play_alike(run_dir, tmp_path):
    # After so few steps the values of two actions may lie closer together than 8 bits can tell apart, so
    # that int8 is held to its values here, and forced where the actions differ.
    formats = "--format=saved_model,tflite,tflite_int8,compact"
    done = call(f"--run_dir={run_dir}", f"--out={tmp_path / 'p'}", formats, "--force")
    assert done.returncode == 0, done.stderr
    names = ["saved_model", "tflite", "tflite_int8", "compact", "compact_tflite"]
    described, results = {}, {}
    for name in names:
        where = tmp_path / ("p" if name == "saved_model" else f"p-{name}")
        described[name] = json.loads((where / "policy.json").read_text())
        assert described[name]["format"] == name and str(where) in done.stdout
        out = tmp_path / f"{name}.json"
        played = python(PLAY_AND_TELL, EVALUATE, f"--policy={where}", "--episodes=1", f"--json={out}")
        assert played.returncode == 0, played.stderr
        results[name] = json.loads(out.read_text())
        if "tflite" in name and importlib.util.find_spec("ai_edge_litert"):
            assert played.stdout.rstrip().endswith("LOADED []")
    for name in names[1:]:
        found = described[name]["verification"]
        assert found["frames"] == 1000
        if name == "tflite_int8":
            assert found["max_q_difference"] <= 0.05 * found["q_range"]
            assert found["forced"] is (found["equal_actions"] < 0.99)
        else:
            assert found["forced"] is False and found["equal_actions"] >= 0.999
    for name in ("tflite", "compact", "compact_tflite"):
        assert results[name]["returns"] == results["saved_model"]["returns"]
    size = {name: policy_json.size(described[name])["raw"] for name in names}
    assert size["saved_model"] > 4 * size["tflite"] > 4 * size["tflite_int8"]
    # Hardly a channel can go here; names in the graph differ by some bytes.
    assert size["compact"] <= size["saved_model"] + 1000 and size["compact_tflite"] <= size["tflite"] + 1000


def test_a_format_that_disagrees_is_refused_unless_forced(run_dir, tmp_path):
    # By a network that is the same but for its greatest values: the command itself, with one line changed.
    spoil = (
        "import runpy, sys; sys.argv = sys.argv[1:]\n"
        "from tf_pruned_rl.policies import runtimes\n"
        "right = runtimes.Tflite.__call__\n"
        "runtimes.Tflite.__call__ = lambda self, o: {k: -v for k, v in right(self, o).items()}\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    arguments = [str(COMMAND), f"--run_dir={run_dir}", f"--out={tmp_path / 'p'}", "--format=tflite"]
    for force in ([], ["--force"]):
        done = python(spoil, *arguments, *force)
        path = tmp_path / "p-tflite" / "policy.json"
        if not force:
            assert done.returncode == 2 and not path.exists()
            assert "tflite disagrees with the float32 network in" in done.stderr and "--force" in done.stderr
        else:
            assert done.returncode == 0, done.stderr
            assert json.loads(path.read_text())["verification"]["forced"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--run_dir"),
        (["--run_dir={}/nowhere"], "no config.json"),
        (["--run_dir={}", "--out={}"], "holds other files and no policy"),
        (["--run_dir={}", "extra"], "extra"),
        (["--run_dir={}", "--format=tflit"], "did you mean tflite"),
    ],
    ids=["no run", "nowhere", "onto the run", "extra", "no such format"],
)
def test_mistakes_are_one_line(run_dir, arguments, message):
    done = call(*(argument.format(run_dir) for argument in arguments))
    assert done.returncode == 2, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and message in errors[0], done.stderr
    assert "Traceback" not in done.stderr
    assert (run_dir / "config.json").is_file(), "nothing is lost"
