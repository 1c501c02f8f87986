"""Measures what the machine's cores could give at best: copies of a run, each on a core of its own.

    python benchmarks/limit.py --peers=tf_agents,sb3,dopamine

The copies share nothing and never wait, so that a run on all cores can hardly be faster than they are
together. One of them alone, times the cores, is what there would be if cores did not slow each other
down either. Linux only: processes are bound to their cores.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from measuring import machine, results, turns
from measuring.contender import KINDS, OURS, Contender, ContenderError
from measuring.settings import Settings

RUN, COPIES, ALONE = "ours", "a copy on each core", "one copy alone, times the cores"


def parse_flags(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Returns the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    turns.add_network_flags(parser)
    add = parser.add_argument
    add("--mixed_precision", action="store_true", help="ours in bfloat16")
    add("--peers", type=turns.names(list(KINDS)), default=[], help=", ".join(KINDS))
    add("--rounds", type=int, default=5, help="turns of each contender")
    add("--seconds", type=float, default=6.0, help="of the loop, in each turn")
    add("--out", type=Path, help="JSON file; by default named after the settings, in benchmarks/results")
    return parser.parse_args(arguments)


@contextlib.contextmanager
def bound_to(core: int) -> Iterator[None]:
    """Binds what is started within it to a core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def together(slices: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Returns slices of runs side by side as a slice of one: the sum of their speeds for a second."""
    return {
        "agent_steps": sum(each["agent_steps"] / each["seconds"] for each in slices),
        "seconds": 1.0,
        "resident_bytes": sum(each["resident_bytes"] for each in slices),
    }


def measure(flags: argparse.Namespace) -> tuple[list[results.Measured], list[str]]:
    """Returns everybody measured in turns, and a line for each peer that is missing."""
    ours = turns.settings_of(flags, Settings)
    theirs = dataclasses.replace(ours, mixed_precision=False)
    taking_part, missing = turns.peers(flags.peers, KINDS, theirs)
    with contextlib.ExitStack() as stack:

        def start(name: str, *rest: object) -> Contender:
            contender = stack.enter_context(Contender(name, *rest))
            contender.start()
            return contender

        whole = {each[0]: start(*each) for each in [(RUN, OURS, ours), *taking_part]}
        copies = []
        for core in sorted(os.sched_getaffinity(0)):
            with bound_to(core):
                copies.append(start(f"copy {core}", OURS, ours))
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(len(copies)))
        measured = {name: results.Measured(name) for name in (RUN, COPIES, ALONE, *whole)}
        for _ in range(flags.rounds):
            for name, contender in whole.items():
                measured[name].loops.append(contender.ask("loop", flags.seconds))
            slices = list(pool.map(lambda copy: copy.ask("loop", flags.seconds), copies))
            measured[COPIES].loops.append(together(slices))
            alone = copies[0].ask("loop", flags.seconds)
            measured[ALONE].loops.append(together([alone] * len(copies)))
    return list(measured.values()), missing


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints the table and writes the JSON file; returns the exit status."""
    flags = parse_flags(arguments)
    try:
        measured, missing = measure(flags)
    except ContenderError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    peers = [each for each in measured if each.name in KINDS]
    headers = ("", "steps/s", *(f"to {peer.name}" for peer in peers))
    rows = [
        [each.name, each.steps_per_second(), *(str(results.ratio(each, peer)) for peer in peers)]
        for each in measured
    ]
    precision = "bfloat16" if flags.mixed_precision else "float32"
    print(f"{flags.agent}, {flags.network} width {flags.width:g}, {precision}, in agent steps")
    print(results.table(headers, rows))
    for line in missing:
        print(line)
    named = {each.name: {"step_ms": each.step_ms()} for each in measured}
    name = f"limit-{flags.agent}-{flags.network}-w{flags.width:g}"
    machine.write(flags.out, name + "-bf16" * flags.mixed_precision, {"contenders": named})
    return 0


if __name__ == "__main__":
    sys.exit(main())
