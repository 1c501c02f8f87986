"""Measures how the cost grows with the network's width, the batch, the replay and the environments.

    python benchmarks/scaling.py --vary=width,batch_size,replay_capacity,num_envs

Every setting differs in one value from the first row's, and is measured in turn with it.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measuring import machine, results, turns
from measuring.contender import OURS, Contender, ContenderError
from measuring.settings import Settings

VALUES: dict[str, tuple[Any, ...]] = {
    "width": (0.5, 2, 3, 5),
    "batch_size": (8, 16, 64, 128),
    "replay_capacity": (10_000, 1_000_000),
    "num_envs": (2, 4, 8, 16),
}
"""What is varied, and how far."""
_HEADERS = ("", "steps/s", "to the first", "train", "action", "emulator", "add", "sample", "memory GB")


def parse_flags(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Returns the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    turns.add_network_flags(parser)
    add = parser.add_argument
    add("--vary", type=lambda text: text.split(","), default=list(VALUES), help=", ".join(VALUES))
    add("--replay_capacity", type=int, default=100_000, help="of the first row")
    add("--warmup", type=int, default=1_000, help="agent steps before the first gradient step")
    add("--rounds", type=int, default=2, help="turns of each setting")
    add("--seconds", type=float, default=4.0, help="of the loop, in each turn; as many for the parts")
    add("--out", type=Path, help="JSON file; by default named after the settings, in benchmarks/results")
    flags = parser.parse_args(arguments)
    unknown = set(flags.vary) - set(VALUES)
    if unknown:
        parser.error(f"--vary: {', '.join(sorted(unknown))} is none of {', '.join(VALUES)}")
    return flags


def settings_of(flags: argparse.Namespace) -> tuple[Settings, list[tuple[str, Settings]]]:
    """Returns the first row's settings, and the others by name."""
    first = turns.settings_of(flags, Settings)
    others = []
    for name in flags.vary:
        for value in VALUES[name]:
            if value != getattr(first, name):
                kept = value if name == "width" else int(value)
                others.append(
                    (
                        f"{name} {value:,g}" if name == "width" else f"{name} {kept:,}",
                        dataclasses.replace(first, **{name: kept}),
                    )
                )
    return first, others


def take_turns(contenders: Sequence[Contender], rounds: int, seconds: float) -> list[results.Measured]:
    """Measures some contenders in turn."""
    measured = [results.Measured(each.name) for each in contenders]
    for _ in range(rounds):
        for one, contender in zip(measured, contenders, strict=True):
            one.loops.append(contender.ask("loop", seconds))
            one.parts.append(contender.ask("parts", seconds))
    return measured


def row(measured: results.Measured, first: results.Measured) -> list[object]:
    """Returns a line of the table."""
    return [
        measured.name,
        measured.steps_per_second(),
        None if measured is first else str(results.ratio(measured, first)),
        *map(measured.part, ("train", "action", "environment", "add", "sample")),
        measured.resident_bytes() / 1e9,
    ]


def measure(flags: argparse.Namespace) -> list[list[object]]:
    """Returns the table's rows; only the first setting and one other are alive at any time."""
    settings, others = settings_of(flags)
    rows: list[list[object]] = []
    firsts: list[results.Measured] = []
    with Contender(f"{flags.network} width {flags.width:g}", OURS, settings) as first:
        first.start()
        for name, varied in others:
            with Contender(name, OURS, varied) as other:
                other.start()
                pair = take_turns([first, other], flags.rounds, flags.seconds)
            firsts.append(pair[0])
            rows.append(row(pair[1], pair[0]))
            print(f"{name}: {rows[-1][1]:.1f} steps/s", file=sys.stderr, flush=True)
    middle = sorted(firsts, key=results.Measured.steps_per_second)[len(firsts) // 2]
    return [row(middle, middle), *rows]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints the table and writes the JSON file; returns the exit status."""
    flags = parse_flags(arguments)
    try:
        rows = measure(flags)
    except ContenderError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{flags.agent}, milliseconds unless said otherwise")
    print(results.table(_HEADERS, rows))
    named = [dict(zip(("name", *_HEADERS[1:]), each, strict=True)) for each in rows]
    machine.write(flags.out, f"scaling-{flags.agent}-{flags.network}-w{flags.width:g}", {"rows": named})
    return 0


if __name__ == "__main__":
    sys.exit(main())
