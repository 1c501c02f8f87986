"""experiments/sweep.py as it is called, with the real training commands."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = ROOT / "experiments" / "sweep.py"
TWO_RUNS = (
    *("--figure=4", "--budget=smoke", "--agents=dqn", "--games=Breakout"),
    *("--values=0.25", "--seeds=1", "--jobs=1"),
)


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(COMMAND), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def call(*arguments: object) -> tuple[int, str, str]:
    process = start(*arguments)
    out, err = process.communicate()
    return process.returncode, out, err


def test_stopped_and_resumed(tmp_path):
    runs = f"--runs={tmp_path}"
    status, out, _ = call(*TWO_RUNS, runs, "--dry_run")
    assert status == 0 and "2 runs to do" in out and list(tmp_path.iterdir()) == []

    process = start(*TWO_RUNS, runs)
    # In the middle of training: one of the four checkpoints is written.
    while process.poll() is None and not list(tmp_path.glob("dqn-*/checkpoints/*/manifest.json")):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate()
    assert (process.returncode, err) == (143, "")
    assert "0 finished, 0 failed, 2 left" in out and "The same command resumes the sweep." in out

    status, out, _ = call(*TWO_RUNS, runs, "--status")
    (first,) = [line for line in out.splitlines() if "interrupted" in line and "%" in line]
    assert "0/2 finished, 1 interrupted, 1 waiting" in out and "  0.0%" not in first

    status, out, err = call(*TWO_RUNS, runs)
    assert (status, err) == (0, "")
    assert "2 finished, 0 failed; run directories in" in out
    logs = {log.stem: log.read_text() for log in (tmp_path / "logs").glob("*.log")}
    assert [text.count("Run directory:") for name, text in sorted(logs.items())] == [2, 1]
    assert sum("Resumed at frame" in text for text in logs.values()) == 1
    for name in logs:
        summary = json.loads((tmp_path / name / "summary.json").read_text())
        assert summary["frames"] == 2_000
        assert summary["sparsity"] == pytest.approx(0.95 if "magnitude" in name else 0.0, abs=1e-3)

    status, out, _ = call(*TWO_RUNS, runs)
    assert status == 0 and "finished: dqn" not in out  # nothing was left to do


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which figure? give --figure=1|2"),
        (["--figure=1", "--budget=huge"], "huge"),
        (["--figure=2"], "figure 2 needs no runs: experiments/figures.py draws it without any"),
        (["--figure=6"], "--figure=6 learns from fixed data: give --data=DIR"),
    ],
)
def test_mistakes_are_one_line(arguments, message, tmp_path):
    status, _, err = call(*arguments, f"--runs={tmp_path}")
    assert status == 2
    assert err.startswith("error: ") and len(err.splitlines()) == 1
    assert message in err
    assert list(tmp_path.iterdir()) == []
