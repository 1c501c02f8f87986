"""What the commands that measure contenders in turn have in common: flags, the turns, the report."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from measuring import machine, report, results
from measuring.contender import Contender, ContenderError, Kind
from measuring.settings import AnySettings

Entry = tuple[str, Kind, AnySettings]
"""Who takes part: name, kind, settings."""
_Settings = TypeVar("_Settings", bound=AnySettings)


def names(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Returns a parser of comma-separated names; "none" is the empty list."""

    def parse(text: str) -> list[str]:
        names = [name for name in text.split(",") if name and name != "none"]
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return names

    return parse


def add_network_flags(parser: argparse.ArgumentParser, *, agent: str = "dqn") -> None:
    """Adds the flags that say who learns with which network."""
    add = parser.add_argument
    add("--agent", choices=("dqn", "rainbow"), default=agent)
    add("--network", choices=("impala", "nature"), default="impala")
    add("--width", type=float, default=1.0, help="multiplies the network's channels")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say how to measure."""
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="turns of each contender")
    add("--seconds", type=float, default=6.0, help="of the loop, in each turn; half as many for the parts")
    add("--threads", type=int, default=0, help="0: each one's own choice")
    add("--floor", action=argparse.BooleanOptionalAction, default=True, help="measure the machine's limits")
    add("--out", type=Path, help="JSON file; by default named after the settings, in benchmarks/results")


def settings_of(flags: argparse.Namespace, kind: type[_Settings]) -> _Settings:
    """Returns what all contenders are asked to run: the flags that are fields of ``kind``."""
    fields = {field.name for field in dataclasses.fields(kind)}
    return kind(**{name: value for name, value in vars(flags).items() if name in fields})


def peers(
    wanted: Sequence[str], kinds: Mapping[str, Kind], settings: AnySettings
) -> tuple[list[Entry], list[str]]:
    """Returns the peers that take part, and a line for each one that does not."""
    missing = {name: kinds[name].missing(settings) for name in wanted}
    taking_part: list[Entry] = [(name, kinds[name], settings) for name, why in missing.items() if not why]
    return taking_part, [f"{name}: {why}" for name, why in missing.items() if why]


def measure(
    flags: argparse.Namespace, settings: AnySettings, taking_part: Sequence[Entry], floor_kind: Kind
) -> report.Report:
    """Starts everybody, takes turns, returns what was measured."""
    with contextlib.ExitStack() as stack:
        contenders = [stack.enter_context(Contender(*each)) for each in taking_part]
        measured = {each.name: results.Measured(each.name) for each in contenders}
        floor = stack.enter_context(Contender("floor", floor_kind, settings)) if flags.floor else None
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
    return report.Report(settings, list(measured.values()), limits)


def run(
    flags: argparse.Namespace,
    settings: AnySettings,
    taking_part: Sequence[Entry],
    missing: Sequence[str],
    *,
    floor: Kind,
    name: str,
) -> int:
    """Measures, prints the tables and writes the JSON file; returns the exit status.

    Args:
      flags: those of ``add_flags``.
      settings: what all were asked to run.
      taking_part: who does.
      missing: a line for each one who does not.
      floor: what measures the machine's limits.
      name: of the JSON file, unless the flags say.
    """
    try:
        done = measure(flags, settings, taking_part, floor)
    except ContenderError as error:
        _say(f"error: {error}")
        return 1
    notes = [f"{each}: {kind.note}" for each, kind, _ in taking_part if kind.note]
    print(done.text([*notes, *missing]))
    machine.write(flags.out, name, done.to_json(missing))
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
