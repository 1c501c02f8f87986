"""What surrounds the loop: exit status, estimate, result. Whole runs are in tests/cli/test_online.py."""

from __future__ import annotations

import json
import signal

import pytest

from tf_pruned_rl import config
from tf_pruned_rl.exporting.learner import export_learner
from tf_pruned_rl.training import runner


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_exit_status_is_the_shells(number):
    assert runner.Interrupted(number).exit_status == 128 + number


def test_a_run_of_the_paper_preset_says_once_how_long_it_takes_without_a_gpu(
    small, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(runner, "tensorflow_gpus", lambda: [])
    monkeypatch.setattr(runner, "PATIENCE_HOURS", 0.0)
    path = runner.run(
        config.replace(small, run_dir=str(tmp_path / "run")), export=export_learner, profile=True
    )
    out = capsys.readouterr().out
    assert out.count("No GPU was found: at ") == 1 and "--preset=quick" in out
    # The need is told before anything is played.
    assert out.index("Memory: about ") < out.index("/1,600 frames")
    assert out.count("Profile written: ") == 1 and list(path.glob("events/plugins/profile/*/*.xplane.pb"))
    summary = json.loads((path / "summary.json").read_text())
    assert summary["frames"] == 1600 and summary["gradient_steps"] == 90
    assert summary["iteration_index"] == 1


def test_a_run_of_minutes_says_nothing_of_gpus(small, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(runner, "tensorflow_gpus", lambda: [])
    runner.run(config.replace(small, run_dir=str(tmp_path / "run")), export=export_learner)
    assert "No GPU was found" not in capsys.readouterr().out
