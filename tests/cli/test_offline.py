"""A log made by online.py, interrupted and not, and what offline.py makes of it."""

from __future__ import annotations

import gzip
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ONLINE = (
    "--agent=dqn --game=Breakout --network=nature --width=0.25 --batch_size=2 --deterministic "
    "--total_frames=1200 --replay_capacity=300 --min_replay_history=40 --iteration_frames=400 --log_every=80 "
    "--checkpoint_every=160 --prune_every=7 --max_episode_steps=50 --log_capacity=150"
).split()


OFFLINE = (
    "--agent=cql_c51 --game=Breakout --network=nature --width=0.25 --batch_size=2 --deterministic "
    "--data_fraction=0.9 --replay_capacity=150 --reload_every=60 --iterations=4 --iteration_steps=50 "
    "--log_every=10 --checkpoint_every=20 --eval_every=100 --eval_steps=70 --max_episode_steps=60 "
    "--prune_every=7 --target_update_period=9"
).split()


def logs(data: Path) -> Path:
    return data / "Breakout" / "1" / "replay_logs"


def array(data: Path, name: str, number: int) -> np.ndarray:
    with gzip.open(logs(data) / f"{name}_ckpt.{number}.gz") as file:
        return np.load(file, allow_pickle=False)


@pytest.fixture(scope="module")
def data(command, tmp_path_factory) -> Path:
    """300 steps of Breakout in episodes of 50, in three buffers."""
    folder = tmp_path_factory.mktemp("data")
    result = command("online.py", ONLINE).finish(folder / "run", f"--log_replay={folder / 'data'}")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return folder / "data"


def test_what_online_logs_is_what_it_played(data):
    assert {path.name.split(".")[1] for path in logs(data).iterdir()} == {"0", "1", "2"}
    assert [int(array(data, "add_count", number)) for number in range(3)] == [149, 299, 18]
    frames = array(data, "$store$_observation", 0)
    assert frames.shape == (150, 84, 84) and frames.dtype == np.uint8
    # Three empty entries, then an episode of 50 steps, all the same length.
    empty = [not frame.any() for frame in frames]
    assert [i for i, each in enumerate(empty) if each] == [0, 1, 2, 53, 54, 55, 106, 107, 108, 149]
    assert set(array(data, "$store$_action", 0)) == {0, 1, 2, 3}
    assert np.abs(array(data, "$store$_reward", 0)).max() <= 1


@pytest.mark.slow
def test_a_killed_run_logs_nothing_twice_and_loses_nothing(command, data, tmp_path):
    made = command("online.py", [*ONLINE, f"--log_replay={tmp_path / 'data'}"])
    made.interrupt(tmp_path / "run", signal.SIGKILL, seed=1, lines=[15])
    result = made.finish(tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "Resumed" in result.stdout
    names = sorted(path.name for path in logs(data).iterdir())
    assert names == sorted(path.name for path in logs(tmp_path / "data").iterdir())
    for name in names:
        ours, theirs = ((logs(folder) / name).read_bytes() for folder in (tmp_path / "data", data))
        assert gzip.decompress(ours) == gzip.decompress(theirs), name


@pytest.fixture(scope="module")
def finished(command, data, tmp_path_factory) -> Path:
    """An offline run on those data that was never interrupted; they are more than its memory."""
    run_dir = tmp_path_factory.mktemp("offline") / "run"
    result = command("offline.py", [*OFFLINE, f"--data={data}"]).finish(run_dir)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert "200/200 gradient steps 100.0%" in result.stdout
    return run_dir


def test_an_offline_run_leaves_its_whole_result(command, finished):
    names = "checkpoints config.json data.json events metrics.jsonl policy summary.json versions.json".split()
    assert set(names) <= {path.name for path in finished.iterdir()}
    config = json.loads((finished / "config.json").read_text())
    assert (config["data_fraction"], config["dataset_run"], config["seed"]) == (0.9, 1, 0)
    data = json.loads((finished / "data.json").read_text())
    # 0.9 of 149, of 149 and of the 18 that the last buffer holds.
    assert [stretch["entries"] for stretch in data["stretches"]] == [134, 134, 16]
    records = command.records(finished)
    assert {record["kind"] for record in records} == {"progress", "pruning", "iteration", "evaluation"}
    evaluations = [record for record in records if record["kind"] == "evaluation"]
    assert [record["gradient_steps"] for record in evaluations] == [100, 200]
    summary = json.loads((finished / "summary.json").read_text())
    assert summary["gradient_steps"] == summary["frames"] == 200
    assert summary["evaluation_mean_return"] == evaluations[-1]["values"]["mean_return"]
    policy = json.loads((finished / "policy" / "policy.json").read_text())
    assert policy["sparsity"] == pytest.approx(0.95, abs=len(policy["layers"]) / policy["parameters"])
    sparsities = {r["gradient_steps"]: r["values"]["sparsity"] for r in records if r["kind"] == "progress"}
    assert sparsities[40] == 0 and 0 < sparsities[100] < 0.95  # from 20 % to 80 % of gradient steps
    assert sparsities[160] == sparsities[200] == pytest.approx(policy["sparsity"])


@pytest.mark.slow
def test_a_killed_offline_run_ends_as_if_it_never_was(command, data, finished, tmp_path):
    made = command("offline.py", [*OFFLINE, f"--data={data}"])
    made.interrupt(tmp_path / "run", signal.SIGKILL, seed=2, lines=[13])
    result = made.finish(tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "Resumed at gradient step " in result.stdout
    made.assert_same_run(tmp_path / "run", finished)
    # Other data in the same place are noticed.
    shutil.copytree(data, tmp_path / "data")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    (tmp_path / "run" / "config.json").write_text(json.dumps(config | {"data": str(tmp_path / "data")}))
    for path in logs(tmp_path / "data").glob("*.2.gz"):
        path.unlink()
    other = command("offline.py", [*OFFLINE, f"--data={tmp_path / 'data'}"]).finish(tmp_path / "run")
    assert other.returncode == 2 and other.stderr.count("\n") == 1
    assert "holds a run on other data" in other.stderr


def test_its_policy_plays_and_its_curve_is_drawn(finished, tmp_path):
    experiments = Path(__file__).parents[2] / "experiments"
    for script, *flags in (
        ("export.py", f"--run_dir={finished}", f"--out={tmp_path / 'policy'}"),
        ("evaluate.py", f"--policy={tmp_path / 'policy'}", "--episodes=1"),
        ("curves.py", f"--runs={finished}", "--returns=evaluation", f"--out={tmp_path / 'curve.png'}"),
    ):
        done = subprocess.run([sys.executable, experiments / script, *flags], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert "CQL+C51 Breakout nature x0.25 95 % pruned" in done.stdout and "200 gradient steps" in done.stdout


def refusals(data: Path, folder: Path) -> dict[str, tuple[int, list[str], list[str]]]:
    """{what is wrong: (bytes of memory there are, flags, words of the answer)}, each with data of its own."""

    def spoiled(name: str, change) -> str:
        copy = folder / name.replace(" ", "_")
        shutil.copytree(data, copy)
        change(logs(copy))
        return f"--data={copy}"

    def rewrite(logs: Path, name: str, change) -> None:
        path = logs / f"{name}_ckpt.1.gz"
        with gzip.open(path) as file:
            array = np.load(file)
        with gzip.open(path, "wb") as file:
            np.save(file, change(array))

    def truncate(logs: Path, name: str) -> None:
        path = logs / f"{name}_ckpt.1.gz"
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    changes = {
        "missing": (
            lambda d: (d / "$store$_reward_ckpt.1.gz").unlink(),
            ["$store$_reward_ckpt.1.gz is missing"],
        ),
        "truncated": (lambda d: truncate(d, "$store$_action"), ["action_ckpt.1.gz is damaged"]),
        "truncated frames": (
            lambda d: truncate(d, "$store$_observation"),
            ["observation_ckpt.1.gz is damaged"],
        ),
        "dtype": (
            lambda d: rewrite(d, "$store$_reward", lambda x: x.astype(np.float64)),
            ["reward_ckpt.1.gz holds float64[150], not float32[N]"],
        ),
        "shape": (
            lambda d: rewrite(d, "$store$_observation", lambda x: x[:, :80]),
            ["observation_ckpt.1.gz holds uint8[150, 80, 84], not uint8[N, 84, 84]"],
        ),
        "lengths": (
            lambda d: rewrite(d, "$store$_terminal", lambda x: x[:-1]),
            ["different lengths", "terminal 149", "reward 150"],
        ),
        "action": (
            lambda d: rewrite(d, "$store$_action", lambda x: x + 15),
            ["actions 15 to 18", "the game has 4"],
        ),
    }
    cases = {name: (0, [spoiled(name, change)], words) for name, (change, words) in changes.items()}
    good = f"--data={data}"
    return cases | {
        "no data": (0, [], ["give --data=DIR"]),
        "no directory": (0, ["--data=/nowhere"], ["no directory /nowhere", "--data"]),
        "no run": (0, [good, "--dataset_run=4"], ["no run 4 of Breakout", "there is 1", "--dataset_run"]),
        "no game": (0, [good, "--game=Pong"], ["no data of Pong", "there is Breakout", "--game"]),
        "memory": (2**29, [good, "--replay_capacity=300"], ["0.54 GB of memory", "free some memory"]),
        "fraction": (0, [good, "--data_fraction=0"], ["--data_fraction=0.0 must be in (0, 1]"]),
        "agent": (0, [good, "--agent=dqn"], ["'dqn' is not one of cql, cql_c51"]),
    }


def test_bad_input_is_one_line_and_status_2(call_all, data, tmp_path):
    cases = refusals(data, tmp_path)
    arguments = [
        [*OFFLINE, f"--run_dir={tmp_path / 'runs' / str(number)}", *flags]
        for number, (_, flags, _) in enumerate(cases.values())
    ]
    checks = [["--check_data", f"--data={data}"], ["--check_data", f"--data={tmp_path / 'truncated_frames'}"]]
    available = [*(memory for memory, _, _ in cases.values()), 0, 0]
    answers = call_all("offline.py", arguments + checks, available)
    for answer, (_, _, words) in zip(answers, cases.values(), strict=False):
        answer.assert_refuses(*words)
    # --check_data lists, and its status says whether all is whole.
    assert [answer.status for answer in answers[-2:]] == [0, 1]
    whole, spoiled = (answer.out.splitlines() for answer in answers[-2:])
    assert whole[0].startswith("Breakout run 1 buffer 0: whole, 149 entries, ") and len(whole) == 3
    assert [" whole, " in line for line in spoiled] == [True, False, True]
    assert "$store$_observation_ckpt.1.gz is damaged" in spoiled[1]
