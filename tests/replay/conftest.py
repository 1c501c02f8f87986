"""Small data in the layout of the DQN Replay Dataset, written with numpy alone."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

CAPACITY = 400


class Logged:
    """What a run logged, as plain arrays of every buffer.

    Attributes:
      root: what --data takes.
      logs: where the files are.
      arrays: per buffer {name: array}, the left-over last entry included.
    """

    def __init__(self, root: Path, buffers: int, *, game: str = "Breakout", run: int = 1):
        self.root, self.logs = root, root / game / str(run) / "replay_logs"
        self.logs.mkdir(parents=True)
        rng = np.random.default_rng(run)
        entries = self._entries(rng, buffers * CAPACITY)
        left_over = {name: np.zeros_like(array[0]) for name, array in entries.items()}
        self.arrays = []
        for number in range(buffers):
            part = {
                name: array[number * CAPACITY : (number + 1) * CAPACITY].copy()
                for name, array in entries.items()
            }
            last = {name: array[-1].copy() for name, array in part.items()}
            for name, array in part.items():
                array[-1] = left_over[name]
            left_over = last
            self.arrays.append(part)
            self.write(number, add_count=np.array((number + 1) * CAPACITY - 1))

    def _entries(self, rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
        """Episodes of 5 to 60 steps, every fifth of them cut without a terminal."""
        made: dict[str, list] = {"observation": [], "action": [], "reward": [], "terminal": []}
        episode = 0
        while len(made["action"]) < count:
            length = int(rng.integers(5, 60))
            for step in range(-3, length):
                empty = step < 0
                frame = rng.integers(1, 256, (84, 84), dtype=np.uint8)
                made["observation"].append(0 * frame if empty else frame)
                made["action"].append(0 if empty else int(rng.integers(4)))
                made["reward"].append(0.0 if empty else float(rng.choice([-1.0, 0.0, 1.0])))
                made["terminal"].append(int(step == length - 1 and episode % 5 != 4))
            episode += 1
        types = {"observation": np.uint8, "action": np.int32, "reward": np.float32, "terminal": np.uint8}
        return {name: np.array(values[:count], types[name]) for name, values in made.items()}

    def write(self, number: int, **others: np.ndarray) -> None:
        """Writes a buffer; ``others`` are elements by name that are not the arrays, or replace one."""
        elements = {f"$store$_{name}": array for name, array in self.arrays[number].items()}
        elements["invalid_range"] = (CAPACITY - 2 + np.arange(5)) % CAPACITY
        elements["add_count"] = np.array((number + 1) * CAPACITY - 1)
        for name, array in (elements | others).items():
            with gzip.open(self.logs / f"{name}_ckpt.{number}.gz", "wb", compresslevel=1) as file:
                np.save(file, array, allow_pickle=False)


@pytest.fixture(scope="session")
def logged(tmp_path_factory) -> Logged:
    """Three full buffers of 400; leave them as they are."""
    return Logged(tmp_path_factory.mktemp("data"), 3)


@pytest.fixture
def make_logged(tmp_path) -> Callable[..., Logged]:
    """Makes data of one's own, for damage."""
    return lambda buffers=1, **named: Logged(tmp_path / "data", buffers, **named)
