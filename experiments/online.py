"""Trains a pruned (or dense) agent on an Atari game.

    python experiments/online.py --agent=rainbow

is the paper's run: Pong, IMPALA ResNet, cubic pruning to 95 % between 20 % and 80 % of 40 M frames.
The same command on the same run directory goes on where it stopped.
"""

from __future__ import annotations

from tf_pruned_rl.commands.train import train
from tf_pruned_rl.config import flags

flags.define_flags()


def main(argv: list[str]) -> None:
    """Runs what the flags say."""
    del argv
    train(flags.config_from_flags())


if __name__ == "__main__":
    flags.run_main(main)
