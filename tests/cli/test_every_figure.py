"""Every figure from its runs to its picture, by the real commands: one game, one seed, the extreme values.

About a hundred runs, which the figures share, and 25 minutes of two cores: 20 to 25 seconds of processor
time a run, nearly all of it to start, trace and export.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tf_pruned_rl.analysis import figures

pytestmark = pytest.mark.slow
EXPERIMENTS = Path(__file__).parents[2] / "experiments"
DATA = (
    "--agent=dqn --game=Breakout --network=nature --width=0.25 --pruning=none --total_frames=4000 "
    "--iteration_frames=2000 --checkpoint_every=2000 --min_replay_history=80 --replay_capacity=2000 "
    "--epsilon_decay_period=100 --max_episode_steps=100"
).split()


def call(script: str, *arguments: object) -> str:
    command = [sys.executable, str(EXPERIMENTS / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def part(number: str) -> tuple[figures.Figure, list[str]]:
    """Returns the part of a figure that is drawn here, and the flags for it."""
    whole = figures.figure(number, "smoke")
    values = sorted({value for panel in whole.panels for value in panel.values})
    ends = tuple(dict.fromkeys((*values[:1], *values[-1:])))
    selection = figures.Selection(tasks=whole.tasks[:1], seeds=1, values=ends)
    flags = [f"--figure={number}", "--budget=smoke", f"--games={whole.tasks[0]}", "--seeds=1"]
    return figures.figure(number, "smoke", part=selection), [*flags, f"--values={','.join(map(str, ends))}"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """Returns the folder of all runs: a figure finds those that one before it has made."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Returns a thousand steps of Breakout for figure 6."""
    folder = tmp_path_factory.mktemp("data")
    call("online.py", *DATA, f"--log_replay={folder / 'data'}", f"--run_dir={folder / 'run'}")
    return folder / "data"


# Figure 2 needs no runs.
@pytest.mark.parametrize("number", [number for number in figures.FIGURES if number != "2"])
def test_swept_and_drawn(request, runs, tmp_path, number):
    figure, flags = part(number)
    data = [f"--data={request.getfixturevalue('data')}"] if figure.command == "offline" else []
    call("sweep.py", *flags, *data, "--jobs=2", f"--runs={runs}")
    printed = call("figures.py", *flags, f"--runs={runs}", f"--out={tmp_path}", "--repetitions=200")
    assert "missing" not in printed and "unfinished" not in printed, printed
    for run in figures.unique(figure.runs()):
        assert json.loads((runs / run.name / "summary.json").read_text()), run.name
    name = f"figure_{number:0>2}" if number.isdigit() else f"figure_{number}"
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    with (tmp_path / f"{name}.csv").open() as file:
        rows = list(csv.DictReader(file))
    # At least a row for every line, or bar, of every panel.
    assert len(rows) >= sum(len(panel.arms) * max(1, len(panel.values)) for panel in figure.panels)


def test_what_was_not_made_is_named(runs, tmp_path):
    _, flags = part("3")
    call("sweep.py", *flags, "--jobs=2", f"--runs={runs}")
    more = [flag for flag in flags if not flag.startswith("--seeds")]
    printed = call("figures.py", *more, f"--runs={runs}", f"--out={tmp_path}", "--repetitions=200")
    for arm in ("Dense", "90 % pruned", "95 % pruned", "99 % pruned"):
        assert f"DQN, {arm}: 1 of 2 runs do not count: Breakout seed 1 is missing" in printed
