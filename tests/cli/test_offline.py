"""A log made by online.py, interrupted and not, and what offline.py makes of it."""

from __future__ import annotations

import gzip
import signal
from pathlib import Path

import numpy as np
import pytest

ONLINE = (
    "--agent=dqn --game=Breakout --network=nature --width=0.25 --batch_size=2 --deterministic "
    "--total_frames=1200 --replay_capacity=300 --min_replay_history=40 --iteration_frames=400 --log_every=80 "
    "--checkpoint_every=160 --prune_every=7 --max_episode_steps=50 --log_capacity=150"
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
