"""Measures agent steps per second end to end, and where the time goes, beside the peers and the floor.

    python benchmarks/throughput.py --agent=dqn --network=impala --width=1 --peers=tf_agents,sb3

Contenders are processes of their own that warm up once and then take turns, so that a drifting machine
drifts for all of them. A slice of ours lies in the middle of a long run: epsilon decayed, replay full,
and for the pruned one half of the pruning window behind. What comes more seldom than a slice lasts (a
mask update every 1,000 gradient steps, a target update, a line of the log) is timed apart and shared
out exactly.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from typing import Any

from measuring import turns
from measuring.contender import FLOOR, KINDS, OURS
from measuring.settings import Settings

VARIANTS: dict[str, dict[str, Any]] = {
    "dense": {},
    "pruned": {"pruned": True},
    "bf16": {"mixed_precision": True},
    "pruned-bf16": {"pruned": True, "mixed_precision": True},
    "envs8": {"num_envs": 8},
}
"""What --ours may name."""


def parse_flags(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Returns the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    turns.add_network_flags(parser)
    add = parser.add_argument
    add("--ours", type=turns.names(tuple(VARIANTS)), default="dense,pruned", help=", ".join(VARIANTS))
    add("--peers", type=turns.names(tuple(KINDS)), default=",".join(KINDS), help="or none")
    add("--batch_size", type=int, default=32)
    add("--replay_capacity", type=int, default=100_000, help="agent steps; ours is full of them")
    add("--replay_ratio", type=float, default=0.25, help="gradient steps per agent step")
    add("--warmup", type=int, default=1_000, help="agent steps before the first gradient step")
    turns.add_flags(parser)
    return parser.parse_args(arguments)


def line_up(flags: argparse.Namespace) -> tuple[list[turns.Entry], list[str]]:
    """Returns who takes part, as (name, kind, settings), and a line for each one who does not."""
    base = turns.settings_of(flags, Settings)
    ours = [(f"ours {name}", OURS, dataclasses.replace(base, **VARIANTS[name])) for name in flags.ours]
    if ours:
        ours.append(("ours hollow", OURS, dataclasses.replace(base, hollow=True)))
    peers, missing = turns.peers(flags.peers, KINDS, base)
    return ours + peers, missing


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints the tables and writes the JSON file; returns the exit status."""
    flags = parse_flags(arguments)
    taking_part, missing = line_up(flags)
    settings = turns.settings_of(flags, Settings)
    name = f"throughput-{settings.agent}-{settings.network}-w{settings.width:g}"
    return turns.run(flags, settings, taking_part, missing, floor=FLOOR, name=name)


if __name__ == "__main__":
    sys.exit(main())
