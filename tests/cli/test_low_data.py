"""DER and DrQ(eps) through online.py: pruned, evaluated by episodes, killed, exported, played."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EVALUATE = Path(__file__).parents[2] / "experiments" / "evaluate.py"
SMALL = (
    "--game=Breakout --network=nature --width=0.25 --batch_size=2 --deterministic --total_frames=1600 "
    "--replay_capacity=300 --min_replay_history=40 --epsilon_decay_period=100 --target_update_period=9 "
    "--iteration_frames=400 --log_every=80 --checkpoint_every=160 --prune_every=7 --max_episode_steps=60 "
    "--eval_every=1000 --eval_episodes=3"
).split()


# DER with augmentation has everything that draws at random in one run.
@pytest.fixture(
    scope="module", params=["der --augmentation", pytest.param("drq_eps", marks=pytest.mark.slow)]
)
def runs(request, command, tmp_path_factory) -> tuple:
    """The command of an agent, its name, and a run that was never interrupted."""
    agent, *flags = request.param.split()
    made = command("online.py", [*SMALL, f"--agent={agent}", *flags])
    run_dir = tmp_path_factory.mktemp(agent) / "run"
    result = made.finish(run_dir)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert "evaluation mean return" in result.stdout
    return made, agent, run_dir


def test_pruned_and_evaluated(runs):
    made, agent, run_dir = runs
    evaluations = [record for record in made.records(run_dir) if record["kind"] == "evaluation"]
    assert [record["frames"] for record in evaluations] == [1000, 1600]  # when due, and at the end
    assert {record["values"]["episodes"] for record in evaluations} == {3.0}
    summary = json.loads((run_dir / "summary.json").read_text())
    assert summary["evaluation_mean_return"] == evaluations[-1]["values"]["mean_return"]
    assert (summary["agent_steps"], summary["gradient_steps"]) == (400, 360)
    state = made.final_state(run_dir)
    kernels = {
        name: value
        for name, value in state.items()
        if name.startswith("online/")
        and ("/kernel/" in name or "/kernel_sigma/" in name)
        and "OPT" not in name
    }
    assert sum("/kernel_sigma/" in name for name in kernels) == (3 if agent == "der" else 0)
    sizes = sum(value.size for value in kernels.values())
    zeros = sum(np.count_nonzero(value == 0) for value in kernels.values())
    assert zeros / sizes == pytest.approx(0.95, abs=len(kernels) / sizes)


@pytest.mark.slow
def test_a_killed_run_ends_as_if_it_never_was(runs, tmp_path):
    made, _, run_dir = runs
    made.interrupt(tmp_path / "run", signal.SIGKILL, seed=1, lines=[17])
    result = made.finish(tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "Resumed" in result.stdout
    made.assert_same_run(tmp_path / "run", run_dir)


def test_the_exported_policy_has_no_noise_and_plays(runs, tmp_path):
    _, agent, run_dir = runs
    policy = json.loads((run_dir / "policy" / "policy.json").read_text())
    assert [row["layer"] for row in policy["layers"]][-3:] == ["dense", "value", "advantage"]
    assert policy["preprocessing"]["terminal_on_life_loss"] is True
    assert policy["preprocessing"]["max_noops"] == 30
    output = tmp_path / "result.json"
    done = subprocess.run(
        [
            sys.executable,
            EVALUATE,
            f"--policy={run_dir / 'policy'}",
            "--episodes=2",
            "--num_envs=2",
            f"--json={output}",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(output.read_text())["lengths"] == [60, 60]
