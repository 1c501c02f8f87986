"""What every test needs before it starts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

# Before TensorFlow: it decides then which Keras it has, and how it takes a GPU's memory.
import tf_pruned_rl  # noqa: F401
from tf_pruned_rl.analysis import figures
from tf_pruned_rl.config import Config, units
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.training.records import Record


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs each test in an empty folder, so that a default run directory never lands in the source."""
    monkeypatch.chdir(str(tmp_path))


def _write_run(
    directory: Path,
    config: Config,
    records: Iterable[Record] = (),
    tail: str = "",
    covariances: Mapping[int, np.ndarray] | None = None,
) -> Path:
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(config_io.to_json(config))
    lines = "".join(f"{record.to_json()}\n" for record in records)
    (directory / "metrics.jsonl").write_text(lines + tail)
    for frames, matrix in (covariances or {}).items():
        (directory / "diagnostics").mkdir(exist_ok=True)
        path = directory / "diagnostics" / f"gradient_covariance-{frames:012d}.npz"
        np.savez(path, all=matrix, kept=np.eye(len(matrix)))
    return directory


@pytest.fixture
def write_run() -> Callable[..., Path]:
    """Returns a function that writes a run directory.

    It takes the directory, the configuration, records, text behind them (a line cut short, say), and
    {frames: gradient covariance, float [k, k]}.
    """
    return _write_run


@pytest.fixture
def make_sweep() -> Callable[..., Path]:
    """Returns a function that writes finished runs of a figure, as a sweep leaves them.

    ``returns(run)`` gives the mean return of every iteration, or evaluation, of a ``figures.PlannedRun``;
    None where no episode ended. A run for which it gives nothing is missing.
    """

    def make(
        figure: figures.Figure, directory: Path, returns: Callable[[figures.PlannedRun], Sequence]
    ) -> Path:
        directory.mkdir(exist_ok=True)
        for run in figures.unique(figure.runs()):
            if (means := returns(run)) is None:
                continue
            every = units.length(run.config) // len(means)
            records = [
                Record(
                    figure.score,
                    (i + 1) * every,
                    (i + 1) * every // 4,
                    i,
                    {"index": float(i), "episodes": 5.0} | ({} if mean is None else {"mean_return": mean}),
                )
                for i, mean in enumerate(means)
            ]
            path = _write_run(directory / run.name, run.config, records)
            (path / "summary.json").write_text("{}")
        return directory

    return make
