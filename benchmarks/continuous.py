"""Measures environment steps per second of Soft Actor-Critic, beside the peers and the floor.

    python benchmarks/continuous.py --env=HalfCheetah --width=1 --peers=tf_agents,sb3

Everything is as in throughput.py. Both hidden layers have 256 units times the width, everyone makes
one gradient step of 256 transitions per environment step, and a gradient step holds the moving of the
target critics.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from typing import Any

from measuring import turns
from measuring.contender import CONTROL, CONTROL_FLOOR, CONTROL_KINDS
from measuring.settings import ControlSettings

from tf_pruned_rl import environments
from tf_pruned_rl.errors import UserError

VARIANTS: dict[str, dict[str, Any]] = {
    "dense": {},
    "pruned": {"pruned": True},
    "envs8": {"num_envs": 8},
}
"""What --ours may name."""


def parse_flags(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Returns the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--env", type=_env, default="HalfCheetah", help="an id of gymnasium")
    add("--width", type=float, default=1.0, help="of the networks")
    add("--ours", type=turns.names(tuple(VARIANTS)), default="dense,pruned", help=", ".join(VARIANTS))
    add("--peers", type=turns.names(tuple(CONTROL_KINDS)), default="tf_agents,sb3", help="or none")
    add("--batch_size", type=int, default=256)
    add("--replay_capacity", type=int, default=100_000, help="environment steps; ours is full of them")
    add("--replay_ratio", type=float, default=1.0, help="gradient steps per environment step, at most 1")
    add("--warmup", type=int, default=1_000, help="environment steps before the first gradient step")
    turns.add_flags(parser)
    return parser.parse_args(arguments)


def _env(name: str) -> str:
    """Returns the full id."""
    try:
        return environments.check_env(name)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints the tables and writes the JSON file; returns the exit status."""
    flags = parse_flags(arguments)
    settings = turns.settings_of(flags, ControlSettings)
    ours: list[turns.Entry] = [
        (f"ours {name}", CONTROL, dataclasses.replace(settings, **VARIANTS[name])) for name in flags.ours
    ]
    peers, missing = turns.peers(flags.peers, CONTROL_KINDS, settings)
    name = f"continuous-{settings.env}-w{settings.width:g}"
    return turns.run(flags, settings, [*ours, *peers], missing, floor=CONTROL_FLOOR, name=name)


if __name__ == "__main__":
    sys.exit(main())
