"""A training command as a process, and what it leaves behind."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf


class Command:
    """A command of experiments/, with the flags that all its runs here have."""

    def __init__(self, script: str, flags: Sequence[str]):
        self._command = [sys.executable, str(Path(__file__).parents[2] / "experiments" / script), *flags]

    def start(self, run_dir: Path, *flags: str) -> subprocess.Popen:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*self._command, f"--run_dir={run_dir}", *flags], stdout=pipe, stderr=pipe, text=True
        )

    def finish(self, run_dir: Path, *flags: str) -> subprocess.CompletedProcess:
        process = self.start(run_dir, *flags)
        out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def interrupt(self, run_dir: Path, number: signal.Signals, seed: int, lines: Sequence[int]) -> None:
        """Sends a signal when metrics.jsonl has each of these numbers of lines, and a bit later."""
        generator, metrics = random.Random(seed), run_dir / "metrics.jsonl"
        for target in lines:
            process = self.start(run_dir)
            while process.poll() is None and (
                not metrics.exists() or metrics.read_text().count("\n") < target
            ):
                time.sleep(0.01)
            time.sleep(generator.uniform(0, 0.1))
            process.send_signal(number)
            process.communicate()

    @staticmethod
    def records(run_dir: Path) -> list[dict]:
        """The lines of metrics.jsonl without what depends on the clock."""
        lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
        return [{name: value for name, value in line.items() if name != "clock"} for line in lines]

    @staticmethod
    def final_state(run_dir: Path) -> dict[str, np.ndarray]:
        """Every variable of the learner in the newest checkpoint: weights, masks, slots, counters."""
        newest = max((run_dir / "checkpoints").iterdir(), key=lambda path: int(path.name))
        reader = tf.train.load_checkpoint(str(newest / "learner" / "variables"))
        return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}

    def assert_same_run(self, run_dir: Path, reference: Path) -> None:
        """Compares everything that was written down and learned, byte by byte."""
        assert self.records(run_dir) == self.records(reference)
        ours, theirs = self.final_state(run_dir), self.final_state(reference)
        assert set(ours) == set(theirs)
        for name in ours:
            assert np.asarray(ours[name]).tobytes() == np.asarray(theirs[name]).tobytes(), name


@pytest.fixture(scope="session")
def command() -> type[Command]:
    return Command
