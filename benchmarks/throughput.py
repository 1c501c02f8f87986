"""Measures agent steps per second end to end, and where the time goes, beside the peers and the floor.

    python benchmarks/throughput.py --agent=dqn --network=impala --width=1 --peers=tf_agents,sb3,dopamine

Contenders are processes of their own that warm up once and then take turns, so that a drifting machine
drifts for all of them. A slice of ours lies in the middle of a long run: epsilon decayed, replay full,
and for the pruned one half of the pruning window behind. What comes more seldom than a slice lasts (a
mask update every 1,000 gradient steps, a target update, a line of the log) is timed apart and shared
out exactly.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from measuring import machine, report, results
from measuring.contender import FLOOR, KINDS, OURS, Contender, ContenderError, Kind
from measuring.settings import Settings

VARIANTS: dict[str, dict[str, Any]] = {
    "dense": {},
    "pruned": {"pruned": True},
    "bf16": {"mixed_precision": True},
    "pruned-bf16": {"pruned": True, "mixed_precision": True},
    "envs8": {"num_envs": 8},
}
"""What --ours may name."""


def _names(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Returns a parser of comma-separated names; "none" is the empty list."""

    def parse(text: str) -> list[str]:
        names = [name for name in text.split(",") if name and name != "none"]
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return names

    return parse


def parse_flags(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Returns the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--agent", choices=("dqn", "rainbow"), default="dqn")
    add("--network", choices=("impala", "nature"), default="impala")
    add("--width", type=float, default=1.0, help="of the network")
    add("--ours", type=_names(tuple(VARIANTS)), default="dense,pruned", help=", ".join(VARIANTS))
    add("--peers", type=_names(tuple(KINDS)), default="tf_agents,sb3,dopamine", help="or none")
    add("--rounds", type=int, default=3, help="turns of each contender")
    add("--seconds", type=float, default=6.0, help="of the loop, in each turn; half as many for the parts")
    add("--batch_size", type=int, default=32)
    add("--replay_capacity", type=int, default=100_000, help="agent steps; ours is full of them")
    add("--replay_ratio", type=float, default=0.25, help="gradient steps per agent step")
    add("--warmup", type=int, default=1_000, help="agent steps before the first gradient step")
    add("--threads", type=int, default=0, help="0: the library's choice")
    add("--floor", action=argparse.BooleanOptionalAction, default=True, help="measure the machine's limits")
    add("--out", type=Path, help="JSON file; by default named after the settings, in benchmarks/results")
    return parser.parse_args(arguments)


def settings_of(flags: argparse.Namespace) -> Settings:
    """Returns what all contenders are asked to run."""
    fields = {field.name for field in dataclasses.fields(Settings)}
    return Settings(**{name: value for name, value in vars(flags).items() if name in fields})


def line_up(flags: argparse.Namespace) -> tuple[list[tuple[str, Kind, Settings]], list[str]]:
    """Returns who takes part, as (name, kind, settings), and a line for each one who does not."""
    base = settings_of(flags)
    ours = [(f"ours {name}", OURS, dataclasses.replace(base, **VARIANTS[name])) for name in flags.ours]
    if ours:
        ours.append(("ours hollow", OURS, dataclasses.replace(base, hollow=True)))
    missing = {name: KINDS[name].missing(base) for name in flags.peers}
    peers = [(name, KINDS[name], base) for name, why in missing.items() if not why]
    return ours + peers, [f"{name}: {why}" for name, why in missing.items() if why]


def measure(flags: argparse.Namespace, taking_part: Sequence[tuple[str, Kind, Settings]]) -> report.Report:
    """Starts everybody, takes turns, returns what was measured."""
    with contextlib.ExitStack() as stack:
        contenders = [stack.enter_context(Contender(*each)) for each in taking_part]
        measured = {each.name: results.Measured(each.name) for each in contenders}
        floor = None
        if flags.floor:
            floor = stack.enter_context(Contender("floor", FLOOR, settings_of(flags)))
        limits = report.Limits(floor.start() if floor else {})
        for each in contenders:
            start = time.monotonic()
            measured[each.name].about = each.start()
            _say(f"{each.name}: warm after {time.monotonic() - start:.0f} s")
        for number in range(flags.rounds):
            # There and back, so that nobody always comes after the same one.
            for each in contenders if number % 2 == 0 else contenders[::-1]:
                with machine.Watch(each.pid) as watch:
                    answer = each.ask("loop", flags.seconds)
                measured[each.name].loops.append({**answer, "foreign_cores": watch.foreign_cores})
                measured[each.name].parts.append(each.ask("parts", flags.seconds / 2))
            if floor:
                limits.peaks.append(floor.ask("peak", 2.0))
                limits.layers.append(floor.ask("layers", 4.0))
            _say(f"round {number + 1} of {flags.rounds}")
        for each in contenders:
            measured[each.name].rare = each.ask("rare")
    return report.Report(settings_of(flags), list(measured.values()), limits)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints the tables and writes the JSON file; returns the exit status."""
    flags = parse_flags(arguments)
    taking_part, missing = line_up(flags)
    try:
        done = measure(flags, taking_part)
    except ContenderError as error:
        _say(f"error: {error}")
        return 1
    notes = [f"{name}: {kind.note}" for name, kind, _ in taking_part if kind.note]
    print(done.text([*notes, *missing]))
    settings = done.settings
    name = f"throughput-{settings.agent}-{settings.network}-w{settings.width:g}"
    machine.write(flags.out, name, done.to_json(missing))
    return 0


if __name__ == "__main__":
    sys.exit(main())
