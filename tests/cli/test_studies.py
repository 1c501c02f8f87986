"""A run with RigL, ReDo, noise and diagnostics: killed and taken up again, it ends with the same bytes."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest

FLAGS = (
    "--agent=dqn --network=nature --width=0.25 --batch_size=4 --noisy --deterministic --total_frames=1600 "
    "--replay_capacity=400 --min_replay_history=40 --target_update_period=40 --iteration_frames=800 "
    "--log_every=80 --checkpoint_every=320 --max_episode_steps=60 --pruning=rigl --prune_start=0 "
    "--prune_every=7 --intervention=redo --redo_every=9 --redo_batch=32 --diagnostics "
    "--diagnostics_every=240 --diagnostics_batch=40 --covariance_batch=4"
).split()


def matrices(run_dir: Path) -> dict[str, dict[str, bytes]]:
    """The gradient covariances a run has saved, by file."""
    found = {}
    for path in sorted((run_dir / "diagnostics").glob("*.npz")):
        with np.load(path) as arrays:
            found[path.name] = {name: arrays[name].tobytes() for name in arrays}
    return found


@pytest.mark.slow
def test_a_killed_run_with_everything_on_ends_as_if_it_never_was(command, tmp_path):
    runs = command("online.py", FLAGS)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = runs.finish(whole)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    measured = [record for record in runs.records(whole) if record["kind"] == "diagnostics"]
    assert [record["frames"] for record in measured] == [240, 480, 720, 960, 1200, 1440]
    assert len(matrices(whole)) == 6
    # Of about 48 lines: before the first checkpoint, and after a measurement that no checkpoint has seen.
    runs.interrupt(killed, signal.SIGKILL, seed=1, lines=(8, 33))
    again = runs.finish(killed)
    assert again.returncode == 0 and "Resumed at frame" in again.stdout, again.stderr
    runs.assert_same_run(killed, whole)
    assert matrices(killed) == matrices(whole)
