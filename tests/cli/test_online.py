"""online.py through its real command: a whole run, interruptions, and everything it must refuse."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

COMMAND = [sys.executable, str(Path(__file__).parents[2] / "experiments" / "online.py")]
SMALL = (
    "--agent=rainbow --network=nature --width=0.25 --batch_size=4 --deterministic --total_frames=3200 "
    "--replay_capacity=600 --min_replay_history=40 --epsilon_decay_period=100 --target_update_period=40 "
    "--iteration_frames=800 --log_every=80 --checkpoint_every=320 --prune_every=7 --max_episode_steps=60 "
    "--eval_every=1600 --eval_steps=70"
).split()


def start(run_dir: Path, *flags: str) -> subprocess.Popen:
    return subprocess.Popen(
        [*COMMAND, *SMALL, f"--run_dir={run_dir}", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(run_dir: Path, *flags: str) -> subprocess.CompletedProcess:
    process = start(run_dir, *flags)
    out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def records(run_dir: Path) -> list[dict]:
    """The lines of metrics.jsonl without what depends on the clock."""
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "clock"} for line in lines]


def final_state(run_dir: Path) -> dict[str, np.ndarray]:
    """Every variable of the learner in the newest checkpoint: weights, masks, slots, counters."""
    newest = max((run_dir / "checkpoints").iterdir(), key=lambda path: int(path.name))
    reader = tf.train.load_checkpoint(str(newest / "learner" / "variables"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def assert_same_run(run_dir: Path, reference: Path) -> None:
    assert records(run_dir) == records(reference)
    ours, theirs = final_state(run_dir), final_state(reference)
    assert set(ours) == set(theirs)
    for name in ours:
        assert np.asarray(ours[name]).tobytes() == np.asarray(theirs[name]).tobytes(), name


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A run that was never interrupted."""
    run_dir = tmp_path_factory.mktemp("finished") / "run"
    result = finish(run_dir)
    assert result.returncode == 0, result.stderr
    assert "Result" in result.stdout and "3,200/3,200 frames 100.0%" in result.stdout
    assert result.stderr == ""
    return run_dir


@pytest.fixture
def copy(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def test_a_run_leaves_its_whole_result(finished):
    names = "checkpoints config.json events metrics.jsonl policy summary.json versions.json".split()
    assert set(names) <= {path.name for path in finished.iterdir()}
    policy = json.loads((finished / "policy" / "policy.json").read_text())
    for row in policy["layers"]:
        assert row["nonzero"] >= 1
    assert policy["sparsity"] == pytest.approx(0.95, abs=len(policy["layers"]) / policy["parameters"])
    kinds = {record["kind"] for record in records(finished)}
    assert kinds == {"progress", "pruning", "iteration", "evaluation"}
    summary = json.loads((finished / "summary.json").read_text())
    assert (summary["frames"], summary["agent_steps"], summary["gradient_steps"]) == (3200, 800, 190)


def test_the_same_command_on_a_finished_run_changes_nothing(finished, copy):
    result = finish(copy)
    assert result.returncode == 0, result.stderr
    assert "Resumed at frame 3,200" in result.stdout
    assert_same_run(copy, finished)


def interrupt(run_dir: Path, number: int, *flags: str, seed: int, times: int) -> int:
    """Sends a signal at ``times`` random moments of a run; returns the last exit status."""
    generator = random.Random(seed)
    metrics, status = run_dir / "metrics.jsonl", 0
    targets = sorted(generator.sample(range(3, 78), times))  # of its 86 lines
    for target in targets:
        process = start(run_dir, *flags)
        while process.poll() is None and (not metrics.exists() or metrics.read_text().count("\n") < target):
            time.sleep(0.01)
        time.sleep(generator.uniform(0, 0.3))
        process.send_signal(number)
        process.communicate()
        status = process.returncode
    return status


@pytest.mark.parametrize("kills", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_a_killed_run_ends_as_if_it_never_was(finished, tmp_path, kills):
    assert interrupt(tmp_path / "run", signal.SIGKILL, seed=kills, times=kills) == -signal.SIGKILL
    result = finish(tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert_same_run(tmp_path / "run", finished)


def test_sigterm_writes_a_checkpoint_first(finished, tmp_path):
    never = "--checkpoint_every=1000000"  # none is due, so the only one is the signal's
    status = interrupt(tmp_path / "run", signal.SIGTERM, never, seed=1, times=1)
    assert status == 128 + signal.SIGTERM
    (saved,) = (tmp_path / "run" / "checkpoints").iterdir()
    assert 0 < json.loads((saved / "manifest.json").read_text())["frames"] < 3200
    result = finish(tmp_path / "run", never)
    assert result.returncode == 0 and "Resumed at frame " in result.stdout
    assert_same_run(tmp_path / "run", finished)


def test_a_damaged_checkpoint_is_passed_over(finished, copy):
    newest = max((copy / "checkpoints").iterdir(), key=lambda path: int(path.name))
    files = [path for path in newest.rglob("*") if path.is_file()]
    victim = random.Random(7).choice([path for path in files if path.stat().st_size > 10])
    os.truncate(victim, victim.stat().st_size // 2)
    result = finish(copy)
    assert result.returncode == 0, result.stderr
    assert "skipping the damaged checkpoint" in result.stderr
    assert_same_run(copy, finished)


@pytest.mark.parametrize("precision", ["--nomixed_precision", "--mixed_precision"])
def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path, precision):
    result = finish(tmp_path / "run", precision, "--learning_rate=1e30", "--checkpoint_every=80")
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1 and "not finite at gradient step" in result.stderr
    for value in final_state(tmp_path / "run").values():
        assert not np.issubdtype(np.asarray(value).dtype, np.floating) or np.isfinite(value).all()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
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
    ],
)
def test_bad_input_is_one_line(flags, words, tmp_path):
    result = subprocess.run(
        [*COMMAND, *SMALL, f"--run_dir={tmp_path / 'run'}", *flags], capture_output=True, text=True
    )
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert result.stderr.startswith("error: ")
    for word in words:
        assert word in result.stderr, (word, result.stderr)


def test_another_configuration_is_refused_with_the_fields_that_differ(copy):
    before = sorted((path, path.stat().st_mtime_ns) for path in (copy / "checkpoints").rglob("*"))
    result = finish(copy, "--sparsity=0.9", "--seed=3")
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1
    assert "sparsity" in result.stderr and "seed" in result.stderr and "0.9" in result.stderr
    assert before == sorted((path, path.stat().st_mtime_ns) for path in (copy / "checkpoints").rglob("*"))


def test_a_truncated_config_is_refused(copy):
    os.truncate(copy / "config.json", 30)
    result = finish(copy)
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1
    assert "config.json" in result.stderr
    assert (copy / "checkpoints").is_dir()


def test_a_second_process_on_the_same_run_is_refused(tmp_path):
    first = start(tmp_path / "run")
    while not (tmp_path / "run" / "metrics.jsonl").exists():
        assert first.poll() is None
        time.sleep(0.02)
    second = finish(tmp_path / "run")
    first.kill()
    first.communicate()
    assert second.returncode == 2 and len(second.stderr.splitlines()) == 1
    assert str(first.pid) in second.stderr
