"""continuous.py through its real command: a whole run, interruptions, and everything it must refuse."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SMALL = (
    "--env=Pendulum --width=0.25 --batch_size=16 --deterministic --total_steps=800 --replay_capacity=700 "
    "--min_replay_history=60 --iteration_steps=200 --log_every=40 --checkpoint_every=100 --prune_every=7 "
    "--max_episode_steps=50 --eval_every=400 --eval_episodes=3 --num_envs=2"
).split()


@pytest.fixture(scope="module")
def pendulum(command):
    return command("continuous.py", SMALL)


@pytest.fixture(scope="module")
def finished(pendulum, tmp_path_factory) -> Path:
    """A run that was never interrupted."""
    run_dir = tmp_path_factory.mktemp("finished") / "run"
    result = pendulum.finish(run_dir)
    assert result.returncode == 0, result.stderr
    assert "800/800 steps 100.0%" in result.stdout
    assert "│ steps " in result.stdout and "frames" not in result.stdout
    assert result.stderr == ""
    return run_dir


@pytest.fixture
def copy(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def call(script: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(ROOT / "experiments" / script), *arguments], capture_output=True, text=True
    )


def test_a_run_leaves_its_whole_result(pendulum, finished):
    names = "checkpoints config.json events metrics.jsonl policy summary.json versions.json".split()
    assert set(names) <= {path.name for path in finished.iterdir()}
    policy = json.loads((finished / "policy" / "policy.json").read_text())
    assert [row["layer"] for row in policy["layers"]] == ["hidden1", "hidden2", "output"]
    assert policy["sparsity"] == pytest.approx(0.95, abs=3 / policy["parameters"])
    assert (policy["environment"], policy["agent"]) == ("Pendulum-v1", "sac")
    records = pendulum.records(finished)
    assert {record["kind"] for record in records} == {"progress", "pruning", "iteration", "evaluation"}
    assert {r["values"]["episodes"] for r in records if r["kind"] == "evaluation"} == {3}
    last = [record["values"] for record in records if record["kind"] == "progress"][-1]
    assert {"loss", "actor_loss", "alpha", "entropy", "q_mean", "mean_return"} <= set(last)
    assert last["sparsity"] == pytest.approx(0.95, abs=1e-3)
    summary = json.loads((finished / "summary.json").read_text())
    assert (summary["frames"], summary["gradient_steps"]) == (800, 740)


def test_actor_and_critics_are_pruned_and_the_targets_follow(pendulum, finished):
    state = pendulum.final_state(finished)
    kernels = {
        name: value for name, value in state.items() if "/kernel/" in name and ".OPTIMIZER" not in name
    }
    zeros = {}
    for network in ("actor", "critic_1", "critic_2", "target_critic_1", "target_critic_2"):
        own = [value for name, value in sorted(kernels.items()) if name.startswith(f"{network}/")]
        assert len(own) == 3
        zeros[network] = [value == 0 for value in own]
        share = sum(z.sum() for z in zeros[network]) / sum(z.size for z in zeros[network])
        assert share == pytest.approx(0.95, abs=1e-3), network
    for number in (1, 2):
        for target, online in zip(zeros[f"target_critic_{number}"], zeros[f"critic_{number}"], strict=True):
            np.testing.assert_array_equal(target, online)


def test_the_same_command_on_a_finished_run_changes_nothing(pendulum, finished, copy):
    result = pendulum.finish(copy)
    assert result.returncode == 0, result.stderr
    assert "Resumed at step 800" in result.stdout
    pendulum.assert_same_run(copy, finished)


def test_a_killed_run_ends_as_if_it_never_was(pendulum, finished, tmp_path):
    pendulum.interrupt(tmp_path / "run", signal.SIGKILL, seed=1, lines=[27])
    result = pendulum.finish(tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "Resumed at step " in result.stdout
    pendulum.assert_same_run(tmp_path / "run", finished)


def test_evaluate_plays_the_policy(finished, tmp_path):
    arguments = [f"--policy={finished / 'policy'}", "--episodes=3", "--num_envs=2"]
    done = call("evaluate.py", *arguments, f"--json={tmp_path / 'result.json'}")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["game"], result["lengths"], result["epsilon"]) == ("Pendulum-v1", [50] * 3, 0)
    assert "human-normalised" not in done.stdout
    assert f"sac, {result['sparsity']:.2%} sparse" in done.stdout
    for flag, words in (("--epsilon=0.1", "--epsilon"), ("--game=Walker2d", "Pendulum-v1, not Walker2d")):
        done = call("evaluate.py", *arguments, flag)
        if "mujoco" in done.stderr.lower() and "cannot make" in done.stderr:
            pytest.skip("MuJoCo is not installed")
        assert done.returncode == 2 and words in done.stderr


def test_export_from_the_newest_checkpoint(finished, tmp_path):
    done = call("export.py", f"--run_dir={finished}", f"--out={tmp_path / 'policy'}")
    assert done.returncode == 0, done.stderr
    assert "hidden2" in done.stdout
    ours, theirs = ((d / "policy.json").read_text() for d in (tmp_path / "policy", finished / "policy"))
    assert json.loads(ours)["layers"] == json.loads(theirs)["layers"]


REFUSALS = [
    (["--env=Pendulun"], ["unknown environment", "Pendulum-v1"]),
    (["--env=CartPole"], ["discrete", "CartPole-v1"]),
    (["--sparsity=1"], ["sparsity", "[0, 1)"]),
    (["--sparsity=0.999", "--distribution=uniform"], ["hidden1", "actor", "192 weights", "at most 0."]),
    (["--prune_start=0.9"], ["prune_start", "prune_end"]),
    (["--total_steps=-5"], ["total_steps"]),
    (["--total_steps=60"], ["--total_steps", "steps", "warm-up"]),
    (["--width=0"], ["width", "0.25"]),
    (["--tau=0"], ["tau", "(0, 1]"]),
    (["--prune_networks=critic"], ["critics"]),
    (["--replay_capacity=100000000000"], ["replay_capacity", "GB"]),
    (["--run_dir=/proc/nowhere"], ["/proc/nowhere", "run_dir"]),
    (["--total_frames=5"], ["total_frames"]),
    (["--agent=dqn"], ["agent"]),
]


def test_bad_input_is_one_line(call_all, tmp_path):
    cases = [[*SMALL, f"--run_dir={tmp_path / 'run'}", *flags] for flags, _ in REFUSALS]
    for answer, (_, words) in zip(call_all("continuous.py", cases), REFUSALS, strict=True):
        answer.assert_refuses(*words)


def test_the_sparsity_it_names_is_possible(pendulum, tmp_path):
    flags = ["--distribution=uniform", "--total_steps=200", "--prune_end=0.6", "--eval_every=0"]
    error = pendulum.finish(tmp_path / "run", *flags, "--sparsity=0.999").stderr
    most = error.partition("at most ")[2].split()[0]
    assert not (tmp_path / "run").exists()
    result = pendulum.finish(tmp_path / "run", *flags, f"--sparsity={most}")
    assert result.returncode == 0, result.stderr


def test_another_configuration_is_refused_with_the_fields_that_differ(pendulum, copy):
    result = pendulum.finish(copy, "--sparsity=0.9", "--tau=0.1")
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1
    assert "sparsity: 0.95 -> 0.9" in result.stderr and "tau: 0.005 -> 0.1" in result.stderr


def test_the_run_of_another_command_is_refused(finished):
    before = os.listdir(finished)
    done = call("online.py", f"--run_dir={finished}")
    assert done.returncode == 2 and "agent: sac -> dqn" in done.stderr
    assert os.listdir(finished) == before


def test_help_has_the_fields_of_continuous_control_only():
    text = call("continuous.py", "--help").stdout
    for name in ("env", "total_steps", "tau", "prune_networks", "eval_episodes", "target_entropy"):
        assert f"--{name}:" in text
    for name in ("game", "total_frames", "epsilon_train", "agent", "sticky_actions"):
        assert f"--{name}:" not in text


def test_halfcheetah_from_end_to_end(command, tmp_path):
    pytest.importorskip("mujoco")
    flags = (
        "--env=HalfCheetah --width=0.25 --batch_size=16 --total_steps=600 --min_replay_history=60 "
        "--max_episode_steps=100 --eval_every=300 --eval_episodes=2 --prune_every=7 --replay_capacity=1000"
    )
    run_dir = tmp_path / "run"
    result = command("continuous.py", flags.split()).finish(run_dir)
    assert result.returncode == 0, result.stderr
    policy = json.loads((run_dir / "policy" / "policy.json").read_text())
    assert policy["environment"] == "HalfCheetah-v5" and policy["sparsity"] == pytest.approx(0.95, abs=1e-3)
    done = call("evaluate.py", f"--policy={run_dir / 'policy'}", "--episodes=2")
    assert done.returncode == 0 and "episode of 100 agent steps" in done.stdout
