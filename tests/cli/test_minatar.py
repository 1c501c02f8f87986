"""MinAtar through the real commands: trained and pruned, killed and resumed, exported, played, refused."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
SMALL = (
    "--suite=minatar --game=space_invaders --agent=rainbow --width=0.25 --batch_size=4 --deterministic "
    "--total_frames=1200 --replay_capacity=600 --min_replay_history=80 --epsilon_decay_period=200 "
    "--target_update_period=40 --iteration_frames=300 --log_every=40 --checkpoint_every=200 --prune_every=7 "
    "--eval_every=1200 --eval_episodes=2"
).split()


def call(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, EXPERIMENTS / script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def runs(command, tmp_path_factory) -> tuple:
    """The command, and a run that was never interrupted."""
    made, run_dir = command("online.py", SMALL), tmp_path_factory.mktemp("minatar") / "run"
    result = made.finish(run_dir)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert "1,200/1,200 frames 100.0%" in result.stdout
    return made, run_dir


def test_a_run_is_pruned_and_leaves_its_whole_result(runs):
    made, run_dir = runs
    summary = json.loads((run_dir / "summary.json").read_text())
    # A frame is an agent step; four of them make a gradient step.
    assert (summary["frames"], summary["agent_steps"], summary["gradient_steps"]) == (1200, 1200, 280)
    assert not any("human" in name for name in summary)
    kinds = {record["kind"] for record in made.records(run_dir)}
    assert kinds == {"progress", "pruning", "iteration", "evaluation"}
    policy = json.loads((run_dir / "policy" / "policy.json").read_text())
    assert (policy["suite"], policy["game"], policy["num_actions"]) == ("minatar", "SpaceInvaders", 6)
    protocol = policy["preprocessing"]
    seen = {name: protocol[name] for name in ("frame_skip", "sticky_actions", "frame_shape", "stack")}
    assert seen == {"frame_skip": 1, "sticky_actions": 0.1, "frame_shape": [10, 10, 6], "stack": 1}
    assert policy["signature"]["inputs"]["observations"]["shape"] == [None, 10, 10, 6]
    assert policy["versions"]["minatar"] and "ale_py" not in policy["versions"]
    assert policy["sparsity"] == pytest.approx(0.95, abs=len(policy["layers"]) / policy["parameters"])


def test_a_killed_run_ends_as_if_it_never_was(runs, tmp_path):
    made, run_dir = runs
    made.interrupt(tmp_path / "run", signal.SIGKILL, seed=4, lines=[37])
    result = made.finish(tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "Resumed at frame" in result.stdout
    made.assert_same_run(tmp_path / "run", run_dir)


def test_the_policy_is_exported_and_played(runs, tmp_path):
    _, run_dir = runs
    policy = tmp_path / "policy"
    done = call("export.py", f"--run_dir={run_dir}", f"--out={policy}")
    assert done.returncode == 0, done.stderr
    observations = np.random.default_rng(0).integers(0, 2, (3, 10, 10, 6)).astype(np.uint8)
    outputs = [
        tf.saved_model.load(str(path)).signatures["serving_default"](observations=tf.constant(observations))
        for path in (policy, run_dir / "policy")
    ]
    np.testing.assert_array_equal(outputs[0]["q_values"], outputs[1]["q_values"])
    result = tmp_path / "result.json"
    done = call("evaluate.py", f"--policy={policy}", "--episodes=3", "--num_envs=2", f"--json={result}")
    assert done.returncode == 0, done.stderr
    played = json.loads(result.read_text())
    assert played["game"] == "SpaceInvaders" and len(played["returns"]) == 3
    assert all(value == int(value) >= 0 for value in played["returns"])
    assert "human_normalised" not in played and "human" not in done.stdout
    # The Atari game of the same name is not this one.
    shutil.copytree(policy, tmp_path / "other")
    wrong = call("evaluate.py", f"--policy={tmp_path / 'other'}", "--game=Pong")
    assert wrong.returncode == 2 and len(wrong.stderr.splitlines()) == 1
    assert "one of the 5 games of MinAtar" in wrong.stderr


REFUSALS = [
    (["--game=spaceinvader"], ["unknown game", "5 games of MinAtar", "did you mean SpaceInvaders"]),
    (["--frame_skip=4"], ["--frame_skip=4 means nothing in --suite=minatar"]),
    (["--agent=drq_eps"], ["--agent=drq_eps is not for --suite=minatar"]),
]


def test_mistakes_are_one_line(call_all, tmp_path):
    cases = [[*SMALL, f"--run_dir={tmp_path / 'run'}", *flags] for flags, _ in REFUSALS]
    for answer, (_, words) in zip(call_all("online.py", cases), REFUSALS, strict=True):
        answer.assert_refuses(*words)
    assert not (tmp_path / "run").exists()
