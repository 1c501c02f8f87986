"""Trains a pruned (or dense) agent on an Atari game from fixed data: CQL, or CQL with Rainbow's C51.

    python experiments/offline.py --agent=cql --data=DIR --game=Breakout --dataset_run=1

is the paper's run on 5 % of the DQN Replay Dataset: 200 iterations of 62,500 gradient steps, an evaluation
after each, cubic pruning to 95 % between 20 % and 80 % of them. DIR holds GAME/RUN/replay_logs, as
``online.py --log_replay=DIR`` writes them; gs://atari-replay-datasets/dqn has those of Agarwal et al. (2020).

    python experiments/offline.py --check_data --data=DIR

lists what is there, whole or damaged.
"""

from __future__ import annotations

from absl import flags as absl_flags

from tf_pruned_rl.commands.train import train
from tf_pruned_rl.config import OfflineConfig, flags
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.runtime import muted_stderr

_CHECK = absl_flags.DEFINE_bool(
    "check_data",
    False,
    "Read all of --data, or of one --game and --dataset_run if they are given, and list what is there.",
)
flags.define_flags(
    kind=OfflineConfig,
    exclude=["suite", "num_envs", "replay_ratio", "epsilon_train", "epsilon_decay_period"],
)


def check(data: str, game: str, run: int) -> int:
    """Prints a line for each buffer below ``data``; returns 1 if any is damaged.

    Args:
      data: the root of the data.
      game: only this; empty for all.
      run: only this; 0 for all.
    """
    if not data:
        raise UserError("nothing to check: give --data=DIR")
    with muted_stderr():
        from tf_pruned_rl.replay import checking
    report = checking.check(data, game, run)
    for line in report:
        print(line, flush=True)
    return int(report.damaged > 0)


def main(argv: list[str]) -> int | None:
    """Runs what the flags say."""
    del argv
    values = absl_flags.FLAGS
    if _CHECK.value:
        game = values.game if values["game"].present else ""
        return check(values.data, game, values.dataset_run if values["dataset_run"].present else 0)
    train(flags.config_from_flags(kind=OfflineConfig))
    return None


if __name__ == "__main__":
    flags.run_main(main)
