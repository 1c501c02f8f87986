"""online.py through its real command: a whole run, interruptions, and everything it must refuse."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

SMALL = (
    "--agent=rainbow --network=nature --width=0.25 --batch_size=4 --deterministic --total_frames=1600 "
    "--replay_capacity=600 --min_replay_history=40 --epsilon_decay_period=100 --target_update_period=40 "
    "--iteration_frames=400 --log_every=80 --checkpoint_every=320 --prune_every=7 --max_episode_steps=60 "
    "--eval_every=800 --eval_steps=70"
).split()


@pytest.fixture(scope="module")
def online(command):
    return command("online.py", SMALL)


@pytest.fixture(scope="module")
def finished(online, tmp_path_factory) -> Path:
    """A run that was never interrupted."""
    run_dir = tmp_path_factory.mktemp("finished") / "run"
    result = online.finish(run_dir)
    assert result.returncode == 0, result.stderr
    assert "Result" in result.stdout and "1,600/1,600 frames 100.0%" in result.stdout
    assert result.stderr == ""
    return run_dir


@pytest.fixture
def copy(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def test_a_run_leaves_its_whole_result(online, finished):
    names = "checkpoints config.json events metrics.jsonl policy summary.json versions.json".split()
    assert set(names) <= {path.name for path in finished.iterdir()}
    policy = json.loads((finished / "policy" / "policy.json").read_text())
    for row in policy["layers"]:
        assert row["nonzero"] >= 1
    assert policy["sparsity"] == pytest.approx(0.95, abs=len(policy["layers"]) / policy["parameters"])
    kinds = {record["kind"] for record in online.records(finished)}
    assert kinds == {"progress", "pruning", "iteration", "evaluation"}
    summary = json.loads((finished / "summary.json").read_text())
    assert (summary["frames"], summary["agent_steps"], summary["gradient_steps"]) == (1600, 400, 90)


def test_the_same_command_on_a_finished_run_changes_nothing(online, finished, copy):
    result = online.finish(copy)
    assert result.returncode == 0, result.stderr
    assert "Resumed at frame 1,600" in result.stdout
    online.assert_same_run(copy, finished)


# Of its 46 lines, one at which each process is killed.
@pytest.mark.parametrize("lines", [[29], pytest.param([5, 14, 22, 31, 40], marks=pytest.mark.slow)])
def test_a_killed_run_ends_as_if_it_never_was(online, finished, tmp_path, lines):
    status = online.interrupt(tmp_path / "run", signal.SIGKILL, seed=len(lines), lines=lines)
    assert status == -signal.SIGKILL
    result = online.finish(tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "Resumed at frame " in result.stdout
    online.assert_same_run(tmp_path / "run", finished)


def test_sigterm_writes_a_checkpoint_first(online, finished, tmp_path):
    never = "--checkpoint_every=1000000"  # none is due, so the only one is the signal's
    status = online.interrupt(tmp_path / "run", signal.SIGTERM, never, seed=1, lines=[9])
    assert status == 128 + signal.SIGTERM
    (saved,) = (tmp_path / "run" / "checkpoints").iterdir()
    assert 0 < json.loads((saved / "manifest.json").read_text())["frames"] < 1600
    result = online.finish(tmp_path / "run", never)
    assert result.returncode == 0 and "Resumed at frame " in result.stdout
    online.assert_same_run(tmp_path / "run", finished)


def test_a_damaged_checkpoint_is_passed_over(online, finished, copy):
    newest = max((copy / "checkpoints").iterdir(), key=lambda path: int(path.name))
    files = [path for path in newest.rglob("*") if path.is_file()]
    victim = random.Random(7).choice([path for path in files if path.stat().st_size > 10])
    os.truncate(victim, victim.stat().st_size // 2)
    result = online.finish(copy)
    assert result.returncode == 0, result.stderr
    assert "skipping the damaged checkpoint" in result.stderr
    online.assert_same_run(copy, finished)


@pytest.mark.parametrize("precision", ["--nomixed_precision", "--mixed_precision"])
def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_checkpoint(
    online, tmp_path, precision
):
    result = online.finish(tmp_path / "run", precision, "--learning_rate=1e12", "--checkpoint_every=80")
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1 and "not finite at gradient step" in result.stderr
    for value in online.final_state(tmp_path / "run").values():
        assert not np.issubdtype(np.asarray(value).dtype, np.floating) or np.isfinite(value).all()


REFUSALS = [
    (["--game=Pongg"], ["Pong"]),
    (["--sparsity=1"], ["sparsity", "[0, 1)"]),
    (["--sparsity=-0.1"], ["sparsity"]),
    (["--prune_start=0.9"], ["prune_start", "prune_end"]),
    (["--total_frames=-5"], ["total_frames"]),
    (["--network=resnet"], ["network", "impala", "nature"]),
    (["--width=0"], ["width", "0.25"]),
    (["--replay_capacity=10000000000"], ["replay_capacity", "GB"]),
    (["--run_dir=/proc/nowhere"], ["/proc/nowhere", "run_dir"]),
    (["--sparsty=0.9"], ["sparsity"]),
]


def test_bad_input_is_one_line(online, call_all, tmp_path):
    cases = [[*SMALL, f"--run_dir={tmp_path / 'run'}", *flags] for flags, _ in REFUSALS]
    for answer, (_, words) in zip(call_all("online.py", cases), REFUSALS, strict=True):
        answer.assert_refuses(*words)


def test_another_configuration_is_refused_with_the_fields_that_differ(online, copy):
    before = sorted((path, path.stat().st_mtime_ns) for path in (copy / "checkpoints").rglob("*"))
    result = online.finish(copy, "--sparsity=0.9", "--seed=3")
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1
    assert "sparsity" in result.stderr and "seed" in result.stderr and "0.9" in result.stderr
    assert before == sorted((path, path.stat().st_mtime_ns) for path in (copy / "checkpoints").rglob("*"))


def test_a_truncated_config_is_refused(online, copy):
    os.truncate(copy / "config.json", 30)
    result = online.finish(copy)
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1
    assert "config.json" in result.stderr
    assert (copy / "checkpoints").is_dir()


def test_a_second_process_on_the_same_run_is_refused(online, tmp_path):
    first = online.start(tmp_path / "run")
    while not (tmp_path / "run" / "metrics.jsonl").exists():
        assert first.poll() is None
        time.sleep(0.02)
    second = online.finish(tmp_path / "run")
    first.kill()
    first.communicate()
    assert second.returncode == 2 and len(second.stderr.splitlines()) == 1
    assert str(first.pid) in second.stderr
