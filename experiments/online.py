"""Trains a pruned (or dense) agent on an Atari game.

    python experiments/online.py --agent=rainbow

is the paper's run: Pong, IMPALA ResNet, cubic pruning to 95 % between 20 % and 80 % of 40 M frames.
The same command on the same run directory goes on where it stopped.
"""

from __future__ import annotations

import sys

from absl import flags as absl_flags

from tf_pruned_rl import flags
from tf_pruned_rl.quiet import hush

flags.define_flags()
_PROFILE = absl_flags.DEFINE_bool(
    "profile",
    False,
    "Trace a second of training for TensorBoard's Profile tab (needs tensorboard-plugin-profile).",
)


def main(argv: list[str]) -> None:
    """Runs what the flags say."""
    del argv
    config = flags.config_from_flags()
    with hush():  # TensorFlow takes seconds to load: not before the flags are known to be right.
        from tf_pruned_rl.training import runner

    try:
        runner.run(config, profile=_PROFILE.value)
    except runner.Interrupted as interruption:
        print(f"{interruption}: checkpoint written; the same command goes on from here.", file=sys.stderr)
        sys.exit(interruption.exit_status)


if __name__ == "__main__":
    flags.run_main(main)
