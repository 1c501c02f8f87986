"""experiments/figures.py as it is called, on run directories as sweeps leave them."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from tf_pruned_rl.analysis import figures
from tf_pruned_rl.environments import games
from tf_pruned_rl.training.records import Record

COMMAND = Path(__file__).parents[2] / "experiments" / "figures.py"
SMOKE = ("--budget=smoke", "--repetitions=200")
MEASURED = ("q_variance", "parameters_norm", "q_norm", "srank", "dormant", "covariance_size")


def call(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def read(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def some_returns(run: figures.PlannedRun) -> list[float]:
    draw = np.random.default_rng(int(run.run_id, 16))
    return (10 + 5 * (run.arm != "Dense") + np.arange(4) + draw.normal(size=4)).tolist()


def drawn(out: Path, *names: str) -> None:
    for name in names:
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG"), name
        assert (out / f"{name}.pdf").read_bytes().startswith(b"%PDF"), name
        assert (out / f"{name}.csv").exists(), name


def test_final_scores_with_profiles_and_improvement(make_sweep, tmp_path):
    figure = figures.figure("1", "smoke")
    lost = figure.runs()[0]
    runs = make_sweep(
        figure, tmp_path / "runs", lambda run: None if run.run_id == lost.run_id else some_returns(run)
    )
    flags = ("--figure=1", f"--runs={runs}", "--profiles", "--improvement", "--differences", *SMOKE)
    done = call(*flags, f"--out={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == (
        f"DQN, Dense, width 0.25: 1 of 4 runs do not count: {lost.task} seed {lost.seed} is missing"
    )
    assert lines[1] == "DQN, Dense, width 0.25: 1 of 2 seeds"
    drawn(tmp_path / "out", "figure_01", "figure_01_profiles", "figure_01_improvement")
    rows = read(tmp_path / "out" / "figure_01.csv")
    assert len(rows) == 2 * 2 * 3
    last = [
        row for row in rows if (row["panel"], row["arm"], row["value"]) == ("Rainbow", "95 % pruned", "1.25")
    ]
    scores = [
        games.human_normalised(run.task, some_returns(run)[-1])
        for run in figure.runs()
        if (run.panel, run.arm, run.value) == ("Rainbow", "95 % pruned", 1.25)
    ]
    (row,) = last
    assert float(row["estimate"]) == pytest.approx(scipy.stats.trim_mean(scores, 0.25), rel=1e-9)
    assert float(row["low"]) <= float(row["estimate"]) <= float(row["high"])
    assert (row["games"], row["seeds"], row["seeds_planned"]) == ("2", "2", "2")
    assert rows[0]["low"] == "" and rows[0]["seeds"] == "1"
    (row,) = [
        row
        for row in read(tmp_path / "out" / "figure_01_differences.csv")
        if (row["panel"], row["value"]) == ("Rainbow", "1.25")
    ]
    dense = [
        games.human_normalised(run.task, some_returns(run)[-1])
        for run in figure.runs()
        if (run.panel, run.arm, run.value) == ("Rainbow", "Dense", 1.25)
    ]
    assert row["arm"] == "95 % pruned less Dense"
    less = scipy.stats.trim_mean(np.array(scores) - dense, 0.25)
    assert float(row["estimate"]) == pytest.approx(less, rel=1e-9)
    states = [row["state"] for row in read(tmp_path / "out" / "figure_01_runs.csv")]
    assert len(states) == len(figure.runs()) and states.count("missing") == 1
    # Once more: the same bytes.
    assert call(*flags, f"--out={tmp_path / 'again'}").returncode == 0
    for path in (tmp_path / "out").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_schedules_drawn_exactly(tmp_path):
    done = call("--figure=2", f"--out={tmp_path}")
    assert (done.returncode, done.stderr) == (0, "")
    drawn(tmp_path, "figure_02")
    for row in read(tmp_path / "figure_02.csv"):
        begin, end = {"40 M frames": (8e6, 32e6), "100 M frames": (20e6, 80e6)}[row["arm"]]
        left = 1 - np.clip((float(row["frames"]) - begin) / (end - begin), 0, 1)
        assert float(row["sparsity"]) == pytest.approx(0.95 * (1 - left**3), abs=1e-9)


def test_curves_over_their_schedules(make_sweep, tmp_path):
    figure = figures.figure("10", "smoke")
    runs = make_sweep(figure, tmp_path / "runs", some_returns)
    done = call("--figure=10", f"--runs={runs}", f"--out={tmp_path}", "--statistic=median", *SMOKE)
    assert done.returncode == 0, done.stderr
    assert ": median " in done.stdout
    drawn(tmp_path, "figure_10")
    assert len(read(tmp_path / "figure_10.csv")) == 3 * 4
    schedules = read(tmp_path / "figure_10_schedules.csv")
    half = [float(row["sparsity"]) for row in schedules if float(row["frames"]) == figure.length / 2]
    assert half == pytest.approx([0, 0.95, 0.95 * (1 - 0.5**3)], abs=0.005)  # of 78 gradient steps


@pytest.mark.parametrize("number", ["9", "12"])
def test_returns_and_methods(make_sweep, tmp_path, number):
    figure = figures.figure(number, "smoke")
    runs = make_sweep(figure, tmp_path / "runs", some_returns)
    done = call(f"--figure={number}", f"--runs={runs}", f"--out={tmp_path}", *SMOKE)
    assert done.returncode == 0, done.stderr
    drawn(tmp_path, f"figure_{int(number):02d}")


def test_minatar(make_sweep, tmp_path):
    figure = figures.figure("1", "smoke", "minatar", figures.Selection(agents=("dqn",), values=(0.25, 0.75)))
    runs = make_sweep(figure, tmp_path / "runs", some_returns)
    flags = ("--suite=minatar", "--agents=dqn", "--values=0.25,0.75", "--seeds=1")
    done = call("--figure=1", f"--runs={runs}", f"--out={tmp_path}", *flags, *SMOKE)
    assert done.returncode == 0, done.stderr
    rows = read(tmp_path / "figure_01.csv")
    assert len(rows) == 4 and max(float(row["estimate"]) for row in rows) <= 1


def with_diagnostics(figure: figures.Figure, runs: Path) -> None:
    for run in figure.runs():
        lines = (runs / run.name / "metrics.jsonl").read_text().splitlines()
        for frames in (1_000, 2_000):
            lines.append(
                Record("diagnostics", frames, 1, 1, dict.fromkeys(MEASURED, 1.0 + run.seed)).to_json()
            )
        (runs / run.name / "metrics.jsonl").write_text("\n".join(lines) + "\n")
        (runs / run.name / "diagnostics").mkdir()
        path = runs / run.name / "diagnostics" / f"gradient_covariance-{2_000:012d}.npz"
        np.savez(path, all=np.eye(4), kept=np.eye(4))


@pytest.mark.parametrize("number", ["11", "13"])
def test_diagnostics(make_sweep, tmp_path, number):
    figure = figures.figure(number, "smoke")
    runs = make_sweep(figure, tmp_path / "runs", some_returns)
    with_diagnostics(figure, runs)
    bare = figure.runs()[-1]
    for file in (runs / bare.name).iterdir():
        file.unlink() if file.is_file() else None
    done = call(f"--figure={number}", f"--runs={runs}", f"--out={tmp_path}", *SMOKE)
    assert done.returncode == 0, done.stderr
    assert f"{bare.task} seed {bare.seed} is missing" in done.stdout
    assert "gradient covariance" in done.stdout
    drawn(tmp_path, f"figure_{number}")


def test_runs_beside_published_curves(make_sweep, tmp_path):
    figure = figures.figure("fidelity", "paper")
    level = {"Breakout": [1.8, 7.0], "Enduro": [0.1, 99.0]}
    runs = make_sweep(
        figure, tmp_path / "runs", lambda run: level.get(run.task) if run.panel == "DQN" else None
    )
    done = call("--figure=fidelity", "--budget=paper", f"--runs={runs}", f"--out={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert "DQN Breakout nature dense: iteration 1 mean 7.0, published [5.6, 8.1]: inside" in done.stdout
    assert "DQN Enduro nature dense: iteration 1 mean 99.0, published [15.6, 27.8]: above" in done.stdout
    assert "Rainbow, Dense: all 4 runs are missing" in done.stdout
    drawn(tmp_path, "figure_fidelity")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which figure? give --figure=1|"),
        (["--figure=1"], "no folder of runs at runs/small"),
        (["--figure=1", "--runs=."], "no finished run of figure 1 in .: make them by experiments/sweep.py"),
        (["--figure=11", "--runs=."], "no run of figure 11 in .: make them"),
        (["--figure=2", "--out=/dev/null/x"], "cannot write"),
    ],
)
def test_mistakes_are_one_line(arguments, message):
    done = call(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1, done.stderr
    assert message in done.stderr
    assert not Path("figures").exists()
