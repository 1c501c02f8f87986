"""A figure from its first run to its picture, by the real commands: undisturbed, and killed on the way."""

from __future__ import annotations

import csv
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
# Two methods, two seeds: four runs of half a minute of processor time together.
PART = ("--figure=1", "--budget=smoke", "--agents=dqn", "--games=Breakout", "--values=0.25")


def start(script: str, *flags: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(EXPERIMENTS / script), *map(str, flags)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def call(script: str, *flags: object) -> str:
    process = start(script, *flags)
    out, err = process.communicate()
    assert process.returncode == 0, f"{out}\n{err}"
    return out


def draw(runs: Path, out: Path, flags: Sequence[str] = PART) -> bytes:
    """Draws figure 1; returns its numbers."""
    printed = call("figures.py", *flags, f"--runs={runs}", f"--out={out}", "--repetitions=200")
    assert "missing" not in printed and "unfinished" not in printed, printed
    assert (out / "figure_01.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "figure_01.pdf").read_bytes().startswith(b"%PDF")
    return (out / "figure_01.csv").read_bytes()


def parent(claim: Path) -> int:
    """Returns the process that started the run of a claim."""
    pid = json.loads(claim.read_text())["pid"]
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def until(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def starts(runs: Path) -> list[int]:
    """Returns how often each run began; checks that each was made to its end once."""
    logs = [log.read_text() for log in sorted((runs / "logs").glob("*.log"))]
    assert [sum(line.strip() == "Result" for line in log.splitlines()) for log in logs] == [1] * len(logs)
    return sorted(log.count("Run directory:") for log in logs)


def checkpointed(runs: Path) -> list[str]:
    """Returns the runs that have written a checkpoint."""
    return [path.parents[2].name for path in runs.glob("*/checkpoints/*/manifest.json")]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> bytes:
    """Returns the numbers of the figure whose sweep nobody disturbs."""
    runs = tmp_path_factory.mktemp("calm")
    call("sweep.py", *PART, "--jobs=2", f"--runs={runs}")
    assert starts(runs) == [1, 1, 1, 1]
    return draw(runs, runs / "figures")


@pytest.mark.slow
def test_the_whole_figure_in_half_an_hour_of_processor_time(tmp_path):
    flags = ("--figure=1", "--budget=smoke")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = call("sweep.py", *flags, "--jobs=2", f"--runs={tmp_path / 'runs'}")
    assert "48 finished, 0 failed" in out
    numbers = draw(tmp_path / "runs", tmp_path / "out", flags).decode()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # On two cores that have nothing else to do, 15 minutes.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2 * 15 * 60
    rows = list(csv.DictReader(numbers.splitlines()))
    assert len(rows) >= 2 * 2 * 3  # agents, methods, widths


@pytest.mark.slow
def test_killed_on_the_way_it_is_the_same_figure(tmp_path, undisturbed):
    sweep = start("sweep.py", *PART, "--jobs=2", f"--runs={tmp_path}")
    until(lambda: checkpointed(tmp_path), sweep)
    sweep.send_signal(signal.SIGKILL)
    sweep.communicate()
    call("sweep.py", *PART, "--jobs=2", f"--runs={tmp_path}")
    assert 4 < sum(starts(tmp_path)) <= 6
    assert draw(tmp_path, tmp_path / "figures") == undisturbed


@pytest.mark.slow
def test_a_killed_ray_worker_changes_nothing(tmp_path, undisturbed):
    pytest.importorskip("ray")
    sweep = start("sweep.py", *PART, "--engine=ray", "--jobs=2", f"--runs={tmp_path}")
    until(lambda: checkpointed(tmp_path), sweep)
    os.kill(parent(tmp_path / "logs" / f"{checkpointed(tmp_path)[0]}.json"), signal.SIGKILL)
    out, err = sweep.communicate()
    assert sweep.returncode == 0, f"{out}\n{err}"
    assert "4 finished, 0 failed" in out
    assert starts(tmp_path) == [1, 1, 1, 2]
    assert draw(tmp_path, tmp_path / "figures") == undisturbed
