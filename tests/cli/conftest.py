"""A training command as a process, and what it leaves behind."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

EXPERIMENTS = Path(__file__).parents[2] / "experiments"

# Everything is loaded once; each case is a process forked from there, before TensorFlow has started.
DRIVER = """
import json, os, runpy, sys
import tensorflow
from tf_pruned_rl.config import flags
from tf_pruned_rl import exporting, replay, runtime
from tf_pruned_rl.replay import checking, dataset
from tf_pruned_rl.training import runner

script, cases = sys.argv[1], json.loads(sys.stdin.read())
for number, (available, arguments) in enumerate(cases):
    if not (child := os.fork()):
        for descriptor, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(f"{number}.{name}", os.O_WRONLY | os.O_CREAT), descriptor)
        if available:
            runtime.available_bytes = lambda: available
        sys.argv = [script, *arguments]
        runpy.run_path(script, run_name="__main__")
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


class Answer(NamedTuple):
    """What a command that was called answered."""

    status: int
    out: str
    err: str

    def assert_refuses(self, *words: str) -> None:
        """Checks that it is one line for the user, with these words in it."""
        assert self.status == 2, self.err
        assert self.err.startswith("error: ") and self.err.count("\n") == 1, self.err
        for word in words:
            assert word in self.err, (word, self.err)


@pytest.fixture(scope="session")
def call_all(tmp_path_factory) -> Callable[[str, Sequence[Sequence[str]]], list[Answer]]:
    """Returns a function that calls a command of experiments/ once for each list of arguments.

    ``available`` is the memory that the machine seems to have in each call; 0 is what it has.
    """

    def call(script: str, cases: Sequence[Sequence[str]], available: Sequence[int] = ()) -> list[Answer]:
        folder = tmp_path_factory.mktemp("calls")
        done = subprocess.run(
            [sys.executable, "-c", DRIVER, str(EXPERIMENTS / script)],
            input=json.dumps(list(zip(available or [0] * len(cases), map(list, cases), strict=True))),
            capture_output=True,
            text=True,
            cwd=folder,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        assert done.returncode == 0, done.stderr
        return [
            Answer(int(status), *((folder / f"{i}.{name}").read_text() for name in ("out", "err")))
            for i, status in enumerate(done.stdout.split())
        ]

    return call


class Command:
    """A command of experiments/, with the flags that all its runs here have."""

    def __init__(self, script: str, flags: Sequence[str]):
        self._command = [sys.executable, str(EXPERIMENTS / script), *flags]

    def start(self, run_dir: Path, *flags: str) -> subprocess.Popen:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*self._command, f"--run_dir={run_dir}", *flags], stdout=pipe, stderr=pipe, text=True
        )

    def finish(self, run_dir: Path, *flags: str) -> subprocess.CompletedProcess:
        process = self.start(run_dir, *flags)
        out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def interrupt(
        self, run_dir: Path, number: signal.Signals, *flags: str, seed: int, lines: Sequence[int]
    ) -> int:
        """Sends a signal when metrics.jsonl has each of these numbers of lines, and a bit later.

        Returns the last exit status.
        """
        generator, metrics = random.Random(seed), run_dir / "metrics.jsonl"
        for target in lines:
            process = self.start(run_dir, *flags)
            while process.poll() is None and (
                not metrics.exists() or metrics.read_text().count("\n") < target
            ):
                time.sleep(0.01)
            time.sleep(generator.uniform(0, 0.1))
            process.send_signal(number)
            process.communicate()
        return process.returncode

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
