"""Run directories made by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tf_pruned_rl import config
from tf_pruned_rl.config import units
from tf_pruned_rl.training.records import Record

MakeRun = Callable[..., Path]


@pytest.fixture
def make_run(tmp_path, write_run) -> MakeRun:
    """Returns a function that writes a run with the given iteration means (None: no episode ended)."""

    def make(
        name: str, means: Sequence[float | None], agent: str = "dqn", tail: str = "", **fields: object
    ) -> Path:
        setting = {"game": "Breakout", "network": "nature", "pruning": "none", **fields}
        experiment = config.replace(config.preset(agent), **setting)
        length = units.budget(experiment).iteration_frames
        records = []
        for i, mean in enumerate(means):
            mean_return = {} if mean is None else {"mean_return": mean}
            for part, sparsity in ((0.5, 0.1 * i), (1.0, 0.1 * (i + 1))):
                frames = round((i + part) * length)
                values = {"sparsity": sparsity, "episodes": 7.0, **mean_return}
                records.append(Record("progress", frames, frames // 4, frames // 16, values))
            values = {"index": float(i), "episodes": 0.0 if mean is None else 5.0, **mean_return}
            records.append(Record("iteration", frames, frames // 4, frames // 16, values))
        return write_run(tmp_path / name, experiment, records, tail)

    return make
