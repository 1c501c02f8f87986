"""Measures what diagnostics cost a run at their default interval.

    python benchmarks/diagnostics.py --agent=rainbow --network=impala

Slices of training and whole measurements (all diagnostics, written to disk) take turns in one process, in
the middle of a long run with its replay full. Between two measurements diagnostics do nothing, so what
they cost is one measurement beside the training of an interval. The first measurement, which TensorFlow
traces, is given apart.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measuring import machine, ours, turns
from measuring.settings import Settings

from tf_pruned_rl import config


class Diagnosed(ours.Atari):
    """A pruned run with diagnostics on."""

    def __init__(self, settings: Settings, states: int):
        self._states = states
        super().__init__(settings)

    def _describe(self) -> config.ExperimentConfig:
        return config.replace(super()._describe(), diagnostics=True, diagnostics_batch=self._states)

    @property
    def interval(self) -> float:
        """Agent steps between two measurements."""
        return self._config.diagnostics.diagnostics_every / self._config.environment.frame_skip

    def measure_once(self, directory: Path) -> float:
        """Returns the seconds of one measurement, its files included."""
        start = time.perf_counter()
        self._experiment.diagnostics.measure(self._experiment.gradient_steps)
        self._experiment.diagnostics.save(directory, self._experiment.agent_steps)
        return time.perf_counter() - start


def parse_flags(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Returns the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    turns.add_network_flags(parser, agent="rainbow")
    add = parser.add_argument
    add("--replay_capacity", type=int, default=20_000, help="agent steps; it is full of them")
    add("--warmup", type=int, default=200, help="agent steps before the first gradient step")
    add("--states", type=int, default=2_048, help="states of a measurement")
    add("--rounds", type=int, default=5, help="slices and measurements")
    add("--seconds", type=float, default=10.0, help="of each slice of training")
    add("--threads", type=int, default=0, help="0: every core")
    add("--out", type=Path, help="JSON file; by default benchmarks/results/diagnostics.json")
    return parser.parse_args(arguments)


def measure(flags: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Takes turns; returns the figures of each round and what they come to."""
    run = Diagnosed(settings, flags.states)
    rounds = []
    with tempfile.TemporaryDirectory() as folder, machine.Watch(os.getpid()) as watch:
        first = run.measure_once(Path(folder))
        for _ in range(flags.rounds):
            piece = run.loop(flags.seconds)
            step = piece["seconds"] / piece["agent_steps"]
            seconds = run.measure_once(Path(folder))
            cost = seconds / (step * run.interval)
            rounds.append({"agent_step_ms": 1e3 * step, "measurement_s": seconds, "cost": cost})
    return {
        "first_measurement_s": first,
        "interval_agent_steps": run.interval,
        "medians": {name: statistics.median(each[name] for each in rounds) for name in rounds[0]},
        "rounds": rounds,
        "foreign_cores": watch.foreign_cores,
    }


def report(settings: Settings, found: dict[str, Any]) -> str:
    """Returns what was found, in words."""
    medians, costs = found["medians"], [each["cost"] for each in found["rounds"]]
    return (
        f"{settings.title}\n"
        f"an agent step takes {medians['agent_step_ms']:.1f} ms, its share of a gradient step included; "
        f"one measurement {medians['measurement_s']:.1f} s, the first {found['first_measurement_s']:.1f} s\n"
        f"every {found['interval_agent_steps']:,.0f} agent steps, that is {100 * medians['cost']:.2f} % more "
        f"time ({100 * min(costs):.2f} to {100 * max(costs):.2f} % over {len(costs)} rounds); others kept "
        f"{found['foreign_cores']:.2f} cores busy meanwhile"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints what was found and writes the JSON file; returns the exit status."""
    flags = parse_flags(arguments)
    settings = dataclasses.replace(turns.settings_of(flags, Settings), pruned=True)
    found = measure(flags, settings)
    print(report(settings, found))
    machine.write(flags.out, "diagnostics", {"setting": settings.title, "states": flags.states, **found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
