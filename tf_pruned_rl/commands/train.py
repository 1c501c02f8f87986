"""What the training commands do once their flags are known to be right."""

from __future__ import annotations

import sys

from absl import flags

from tf_pruned_rl.config import Config
from tf_pruned_rl.runtime import muted_stderr

_PROFILE = flags.DEFINE_bool(
    "profile",
    False,
    "Trace a second of training for TensorBoard's Profile tab (needs tensorboard-plugin-profile).",
    # absl's --help shows the flags of the module that is being run, which it knows by argv[0].
    module_name=sys.argv[0],
)


def train(config: Config) -> None:
    """Trains as configured; ends the process where a signal interrupted it, with a word on how to go on."""
    with muted_stderr():  # TensorFlow takes seconds to load: not before the flags are known to be right.
        from tf_pruned_rl.exporting.learner import export_learner
        from tf_pruned_rl.training import runner

    try:
        runner.run(config, export=export_learner, profile=_PROFILE.value)
    except runner.Interrupted as interruption:
        print(f"{interruption}: checkpoint written; the same command goes on from here.", file=sys.stderr)
        sys.exit(interruption.exit_status)
