"""The log against a plain ring in numpy that is dumped as Dopamine's is, and interrupted runs."""

from __future__ import annotations

import gzip
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from tf_pruned_rl import config
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.replay import layout
from tf_pruned_rl.replay.log import Entry, NoLog, ReplayLog, create

CAPACITY, N_STEP = 23, 2


def steps(count: int) -> list[tuple[Entry, bool]]:
    """Random agent steps, some of which end episodes: (entry, truncated)."""
    rng = np.random.default_rng(3)
    made = []
    for _ in range(count):
        frame = rng.integers(1, 256, (84, 84), dtype=np.uint8)
        end = rng.random()
        entry = Entry(frame, int(rng.integers(4)), float(rng.choice([-1.0, 0.5, 1.0])), bool(end < 0.1))
        made.append((entry, bool(0.1 <= end < 0.2)))
    return made


class Ring:
    """What the dumps should hold: (number, add_count, arrays, ends)."""

    def __init__(self):
        self.arrays = [np.zeros((CAPACITY, *shape), dtype) for dtype, shape in layout.ARRAYS.values()]
        self.count, self.ends, self.dumps, self.fresh = 0, set(), [], True

    def add(self, entry: Entry, truncated: bool) -> None:
        if self.fresh:
            for _ in range(3):
                self.put((0, 0, 0, 0), False)
        self.fresh = entry.terminal or truncated
        self.put(entry, self.fresh)

    def put(self, values, end: bool) -> None:
        slot = self.count % CAPACITY
        for array, value in zip(self.arrays, values, strict=True):
            array[slot] = value
        (self.ends.add if end else self.ends.discard)(slot)
        self.count += 1
        if self.count % CAPACITY == CAPACITY - 1:
            self.dump(self.count)

    def dump(self, count: int) -> None:
        self.dumps.append((count, [array.copy() for array in self.arrays], set(self.ends)))


def read(logs: Path, name: str, number: int) -> np.ndarray:
    with gzip.open(logs / layout.file_name(name, number)) as file:
        return np.load(file, allow_pickle=False)


def log(directory: Path, owner: str = "me") -> ReplayLog:
    return ReplayLog(directory, capacity=CAPACITY, n_step=N_STEP, owner=owner)


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: gzip.decompress(path.read_bytes()) for path in (directory / "replay_logs").iterdir()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """The log of 100 steps that nothing interrupted."""
    directory = tmp_path_factory.mktemp("whole")
    written = log(directory)
    written.start()
    for entry, truncated in steps(100):
        written.add(entry, truncated=truncated)
    written.finish()
    return directory


def test_buffers_are_a_rings_dumps(whole):
    ring = Ring()
    for entry, truncated in steps(100):
        ring.add(entry, truncated)
    assert len(ring.dumps) >= 4 and ring.count % CAPACITY not in (0, CAPACITY - 1)
    logs, cursor = whole / "replay_logs", ring.count % CAPACITY
    assert len(list(logs.iterdir())) == 7 * (len(ring.dumps) + 1)
    for number, (count, arrays, ends) in enumerate(ring.dumps):
        assert read(logs, "add_count", number) == count
        place = count % CAPACITY
        expected = [(place - N_STEP + i) % CAPACITY for i in range(4 + N_STEP)]
        assert read(logs, "invalid_range", number).tolist() == expected
        for name, array in zip(layout.ARRAYS, arrays, strict=True):
            found = read(logs, layout.element(name), number)
            assert found.dtype == array.dtype
            np.testing.assert_array_equal(found, array)
        with gzip.open(logs / layout.file_name("episode_end_indices", number)) as file:
            assert pickle.load(file) == ends
    # The last is cut short, and says so as Dopamine's final dump does.
    last = len(ring.dumps)
    assert read(logs, "add_count", last) == cursor
    for name, array in zip(layout.ARRAYS, ring.arrays, strict=True):
        found = read(logs, layout.element(name), last)
        np.testing.assert_array_equal(found[:cursor], array[:cursor])
        assert found.shape == array.shape and not found[cursor:].any()


@pytest.mark.parametrize("saved", [0, 1, 9, 18, 19, 20, 21, 57, 99, 100])
def test_an_interrupted_log_ends_as_if_it_never_was(whole, tmp_path, saved):
    # Up to 40 more steps are logged, and buffers published, before it is killed.
    first, state = log(tmp_path), tmp_path / "state"
    state.mkdir()
    first.start()
    for number, (entry, truncated) in enumerate(steps(100)[: saved + 40]):
        if number == saved:
            first.save(state)
        first.add(entry, truncated=truncated)
    if saved == 100:
        first.save(state)
        first.finish()
    first.release()
    second = log(tmp_path)
    second.load(state)
    for entry, truncated in steps(100)[saved:]:
        second.add(entry, truncated=truncated)
    second.finish()
    assert contents(tmp_path) == contents(whole)


def test_a_run_that_begins_again_begins_its_log_again(whole, tmp_path):
    first = log(tmp_path)
    first.start()
    for entry, truncated in steps(60):
        first.add(entry, truncated=truncated)
    first.release()
    second = log(tmp_path)
    second.start()
    for entry, truncated in steps(100):
        second.add(entry, truncated=truncated)
    second.finish()
    assert contents(tmp_path) == contents(whole)


def test_another_runs_log_is_left_alone(whole, tmp_path):
    copy = Path(shutil.copytree(whole, tmp_path / "copy"))
    with pytest.raises(UserError, match="another run: give another --log_replay"):
        log(copy, owner="you").start()
    (copy / "log.json").unlink()  # a download has none
    with pytest.raises(UserError, match="another run"):
        log(copy).start()
    assert contents(copy) == contents(whole)


def test_a_log_in_use_is_refused(tmp_path):
    held = log(tmp_path)
    held.start()
    with pytest.raises(UserError, match="being written by another run"):
        log(tmp_path).start()
    held.release()
    log(tmp_path).start()


def test_a_log_that_is_gone_is_missed(tmp_path):
    first, state = log(tmp_path / "log"), tmp_path / "state"
    state.mkdir()
    first.start()
    for entry, truncated in steps(30):
        first.add(entry, truncated=truncated)
    first.save(state)
    first.release()
    shutil.rmtree(tmp_path / "log")
    with pytest.raises(UserError, match="where the checkpoint counts"):
        log(tmp_path / "log").load(state)


def test_a_full_disk_is_told_of_outside_the_graph(tmp_path, monkeypatch):
    written = log(tmp_path)
    written.start()

    def full(file: gzip.GzipFile, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gzip.GzipFile, "write", full)
    for entry, truncated in steps(2):
        written.add(entry, truncated=truncated)
    for act in (written.check, written.finish, lambda: written.save(tmp_path)):
        with pytest.raises(UserError, match="No space left on device"):
            act()


def test_created_where_the_flags_say(tmp_path):
    dqn = config.preset("dqn")
    assert isinstance(create(dqn), NoLog)
    assert isinstance(create(config.preset("sac")), NoLog)
    made = create(config.replace(dqn, log_replay=str(tmp_path), game="Breakout", seed=2))
    made.start()
    owner = json.loads((tmp_path / "Breakout" / "3" / "log.json").read_text())
    assert owner["run_dir"].startswith("runs/dqn-Breakout-")
    made.release()
