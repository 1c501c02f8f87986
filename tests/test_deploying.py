"""docs/deploying.md keeps its word: its program plays a policy, its flags exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tf_pruned_rl import config, networks
from tf_pruned_rl.exporting import formats
from tf_pruned_rl.exporting.saved_model import Trained
from tf_pruned_rl.policies.policy import Policy, load_policy
from tf_pruned_rl.policies.policy_json import TrainingFacts

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["tflite", "tflite_int8"])
def test_the_program_of_20_lines_plays_a_policy(tmp_path, name):
    pytest.importorskip("ai_edge_litert")
    (program,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(program.strip().splitlines()) <= 20 and "tf_pruned_rl" not in program
    experiment = config.replace(config.ExperimentConfig(), network="nature", width=0.25, game="Breakout")
    model, rng = networks.build(experiment.network, num_actions=4), np.random.default_rng(0)
    for weight in model.weights:
        keep = rng.random(weight.shape) < (0.1 if len(weight.shape) > 1 else 1)
        weight.assign(rng.normal(0, 0.3, weight.shape) * keep)
    rows = [{"layer": "all", "shape": (10,), "parameters": 10, "nonzero": 1}]
    actions = ("NOOP", "FIRE", "RIGHT", "LEFT")
    trained = Trained(model, experiment, actions, rows, 0.9, TrainingFacts(0, 0, 0))
    formats.write(trained, tmp_path / "policy", name)
    frames = rng.integers(0, 256, (12, 84, 84), np.uint8)
    np.save(tmp_path / "frames.npy", frames)
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "policy", tmp_path / "frames.npy"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    policy = load_policy(tmp_path / "policy")
    assert isinstance(policy, Policy)
    player = policy.player(num_envs=1, epsilon=0.0, seed=0)
    expected = [actions[player(frame[None], np.array([False]))[0]] for frame in frames]
    assert done.stdout.split() == expected and len(set(expected)) > 1


def test_commands_exist_with_their_flags():
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))
    commands = re.findall(r"python (experiments/\w+\.py)(.*)", blocks)
    assert {file for file, _ in commands} == {"experiments/export.py", "experiments/evaluate.py"}
    for file, rest in commands:
        source = (ROOT / file).read_text(encoding="utf-8")
        for flag in re.findall(r"--(\w+)", rest):
            assert re.search(rf'flags\.DEFINE_\w+\(\s*"{flag}"', source), f"{file} --{flag}"
    assert set(formats.FORMATS) == set(re.findall(r"`policy(?:-(\w+))?`", TEXT)) - {""} | {"saved_model"}
