"""Prints what one add and one sample of the replay cost, and the memory taken.

    python benchmarks/replay.py --capacity=1000000 --num_envs=1

The time is that inside the training loop's graph: many operations are made in one tf.function, and what
an empty turn of that loop takes is taken off. What launching a tf.function from Python for each would
add is shown apart.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from measuring import machine, replaying, results, worker

from tf_pruned_rl import config, replay
from tf_pruned_rl.registry import REPLAY_SAMPLINGS

_TURNS = 200
"""Operations per launch."""


def parse_flags(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Returns the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--capacity", type=int, default=1_000_000, help="agent steps")
    add("--num_envs", type=int, default=1, help="environments side by side")
    add("--n_step", type=int, default=3, help="agent steps per transition")
    add(
        "--sampling",
        nargs="+",
        choices=REPLAY_SAMPLINGS.names(),
        default=list(REPLAY_SAMPLINGS),
        help="what to measure",
    )
    add("--seconds", type=float, default=2.0, help="spent on each figure")
    add("--out", type=Path, help="JSON file; by default benchmarks/results/replay.json")
    return parser.parse_args(arguments)


def _filled(experiment: config.ExperimentConfig) -> tuple[replay.FrameReplay, dict[str, float]]:
    """Returns a full replay, and what filling it took."""
    # What TensorFlow takes for itself at its first use is not the replay's.
    replaying.adder(replay.create(config.replace(experiment, replay_capacity=1_000)))(10)
    before = worker.resident_bytes()
    buffer = replay.create(experiment)
    add = replaying.adder(buffer)
    start = time.perf_counter()
    add(experiment.replay.replay_capacity // experiment.environment.num_envs)
    return buffer, {
        "fill s": time.perf_counter() - start,
        "memory GB": (worker.resident_bytes() - before) / 1e9,
        "estimate GB": replay.bytes_needed(experiment) / 1e9,
    }


def measure(flags: argparse.Namespace, sampling: str) -> dict[str, float]:
    """Fills one replay and returns its figures by the name of their column."""
    experiment = config.replace(
        config.preset("dqn"),
        replay_capacity=flags.capacity,
        num_envs=flags.num_envs,
        n_step=flags.n_step,
        replay_sampling=sampling,
    )
    replay.check_memory(experiment)
    buffer, figures = _filled(experiment)

    def each_us(function: Callable[[int], object], turns: int) -> float:
        return worker.median_ms(lambda: function(turns), flags.seconds, operations=turns) * 1e3

    empty = replaying.nothing()
    turn = each_us(empty, _TURNS)
    add = replaying.adder(buffer)
    sample = replaying.sampler(buffer, update=False)
    both = replaying.sampler(buffer, update=True)
    figures |= {
        "add us": each_us(add, _TURNS) - turn,
        "sample us": each_us(sample, _TURNS) - turn,
        "with update us": each_us(both, _TURNS) - turn,
        "loop turn us": turn,
        "launch us": each_us(empty, 1),
        "add launched us": each_us(add, 1),
        "sample launched us": each_us(sample, 1),
    }
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints one row per sampler and writes the JSON file; returns the exit status."""
    flags = parse_flags(arguments)
    found = {sampling: measure(flags, sampling) for sampling in flags.sampling}
    columns = list(next(iter(found.values())))
    print(f"{flags.capacity:,} steps, {flags.num_envs} environment(s), {flags.n_step}-step, batches of 32")
    print(results.table(["", *columns], [[name, *row.values()] for name, row in found.items()]))
    settings = {name: getattr(flags, name) for name in ("capacity", "num_envs", "n_step")}
    machine.write(flags.out, "replay", {"settings": settings, "samplers": found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
