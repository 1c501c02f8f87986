"""Prints how fast offline data are read, how fast a learner uses them, and what memory they take.

    python benchmarks/loading.py --entries=100000

Screens of Pong, played at random and repeated, are logged in the files of the DQN Replay Dataset, and
loaded by the replay of offline runs. A learner draws 32 transitions at every gradient step; held against
that, as if each were read for that alone, loading is counted in transitions a second.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from measuring import machine, results, worker

from tf_pruned_rl import config, environments, replay
from tf_pruned_rl.replay import layout, log
from tf_pruned_rl.training.experiment import Experiment

_SCREENS = 3_000
"""Agent steps that are really played, at most."""

_STEPS_AT_ONCE = 20
"""Gradient steps between two looks at the clock."""


def parse_flags(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Returns the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--entries", type=int, default=100_000, help="transitions of a buffer")
    add("--buffers", type=int, default=2, help="buffers in the data")
    add("--network", nargs="+", default=["impala", "nature"], help="networks of the learner, at width 1")
    add("--seconds", type=float, default=20.0, help="spent on each learner")
    add("--out", type=Path, help="JSON file; by default benchmarks/results/loading.json")
    return parser.parse_args(arguments)


def write_data(data: Path, entries: int, buffers: int) -> float:
    """Logs so many full buffers; returns the seconds of an entry."""
    played = config.replace(config.preset("dqn"), game="Pong")
    environment = environments.create(played, seed=1)
    frames = [environment.reset()[0]]
    rng = np.random.default_rng(1)
    for _ in range(min(_SCREENS, entries)):
        action = rng.integers(environment.spec.num_actions, size=1).astype(np.int32)
        frames.append(environment.step(action)[0][0])
    directory = Path(layout.run_directory(str(data), "Pong", 1))
    written = log.ReplayLog(directory, capacity=entries, n_step=1, owner="benchmark")
    written.start()
    start = time.perf_counter()
    for number, frame in enumerate(itertools.islice(itertools.cycle(frames), entries * buffers - 10)):
        end = number % 900 == 899
        written.add(log.Entry(frame, number % 6, 0.0, end), truncated=False)
    seconds = time.perf_counter() - start
    written.finish()
    written.release()
    return seconds / (entries * buffers)


def offline(data: Path, **changes: object) -> config.OfflineConfig:
    """Returns the configuration of a run on the data."""
    return config.replace(config.preset("cql"), data=str(data), game="Pong", **changes)


def measure_loading(data: Path, **changes: object) -> dict[str, float]:
    """Fills a replay once and returns its figures by the name of their column."""
    wanted = offline(data, **changes)
    before = worker.resident_bytes()
    start = time.perf_counter()
    made = replay.create(wanted)
    made.refill(0)
    seconds = time.perf_counter() - start
    count = made.sample_of_data.entries
    made.close()
    return {
        "entries": count,
        "seconds": seconds,
        "transitions/s": count / seconds,
        "memory GB": (worker.resident_bytes() - before) / 1e9,
        "estimate GB": replay.bytes_needed(wanted) / 1e9,
    }


def measure_learner(data: Path, network: str, seconds: float, entries: int) -> dict[str, float]:
    """Trains with a memory that holds half the sample, replaced as it goes; returns its figures.

    It is replaced as fast as a memory of 1 M transitions by default: 16 transitions a gradient step.
    """
    wanted = offline(
        data, network=network, data_fraction=1.0, replay_capacity=entries, reload_every=entries // 16
    )
    experiment = Experiment(wanted)
    experiment.advance(2)
    waited, before = experiment.replay.waited_seconds, experiment.gradient_steps
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        experiment.advance(_STEPS_AT_ONCE)
    spent = time.perf_counter() - start
    experiment.replay.close()
    steps = (experiment.gradient_steps - before) / spent
    return {
        "gradient steps/s": steps,
        "transitions/s": steps * wanted.learning.batch_size,
        "waited %": 100 * (experiment.replay.waited_seconds - waited) / spent,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints the tables and writes the JSON file; returns the exit status."""
    flags = parse_flags(arguments)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        seconds = write_data(data, flags.entries, flags.buffers)
        loading = {
            "whole files": measure_loading(data, data_fraction=1.0),
            "5 %, random places": measure_loading(data),
            "5 %, beginnings": measure_loading(data, data_sample="first"),
        }
        learners = {
            network: measure_learner(data, network, flags.seconds, flags.entries // 2)
            for network in flags.network
        }
    slowest = min(row["transitions/s"] for row in loading.values())
    for row in learners.values():
        row["loading is faster by"] = slowest / row["transitions/s"]
    print(f"{flags.buffers} buffers of {flags.entries:,}; writing an entry takes {1e6 * seconds:.0f} us")
    for rows in (loading, learners):
        columns = list(next(iter(rows.values())))
        print(results.table(["", *columns], [[name, *row.values()] for name, row in rows.items()]))
    settings = {name: getattr(flags, name) for name in ("entries", "buffers")}
    content = {"settings": settings, "write us": 1e6 * seconds, "loading": loading, "learners": learners}
    machine.write(flags.out, "loading", content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
