"""Trains a pruned (or dense) Soft Actor-Critic on a MuJoCo task, or any other of continuous control.

    python experiments/continuous.py --env=Walker2d --width=5

is the paper's run: cubic pruning of actor and critics to 95 % between 20 % and 80 % of a million steps.
The same command on the same run directory goes on where it stopped.
"""

from __future__ import annotations

from tf_pruned_rl.commands.train import train
from tf_pruned_rl.config import ContinuousConfig, flags

flags.define_flags(kind=ContinuousConfig, exclude=["agent"])


def main(argv: list[str]) -> None:
    """Runs what the flags say."""
    del argv
    train(flags.config_from_flags(kind=ContinuousConfig))


if __name__ == "__main__":
    flags.run_main(main)
