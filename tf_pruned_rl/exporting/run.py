"""Reads what a run has learned from its directory, to be exported."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tf_pruned_rl import environments
from tf_pruned_rl.config import Config
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.runtime import muted_stderr
from tf_pruned_rl.training.checkpoint import DamagedCheckpoint, verify

if TYPE_CHECKING:
    from tf_pruned_rl.exporting.saved_model import Trained


def load_run(run_dir: Path | str) -> Trained:
    """Returns what a run has learned until its newest intact checkpoint; the run may be going on.

    The run directory is only read.

    Raises:
      UserError: there is no run, its config.json is damaged, or it has no intact checkpoint.
    """
    run_dir = Path(run_dir)
    config = _read_config(run_dir)
    environment = environments.create(config, seed=0)
    checkpoint, manifest = _newest_checkpoint(run_dir / "checkpoints")
    with muted_stderr():  # TensorFlow takes seconds to load: not before there is something to export.
        from tf_pruned_rl.exporting.learner import from_learner
        from tf_pruned_rl.training.learner import Learner

    learner = Learner(config, environment.spec)
    try:
        learner.state().load(checkpoint / "learner")
        return from_learner(
            learner,
            config=config,
            action_meanings=environment.action_meanings,
            agent_steps=manifest["agent_steps"],
            mean_return=manifest["extra"].get("results", {}).get("iteration_mean_return"),
        )
    except (RuntimeError, ValueError) as error:  # not as sparse as scheduled; not of these shapes
        raise UserError(
            f"{checkpoint} does not fit {run_dir / 'config.json'} ({error}); put back the one the run was "
            "made with"
        ) from error


def _read_config(run_dir: Path) -> Config:
    path = run_dir / "config.json"
    if not path.is_file():
        raise UserError(f"{run_dir} holds no config.json, so it is no run; give the --run_dir of one")
    return config_io.read(path)


def _newest_checkpoint(directory: Path) -> tuple[Path, dict]:
    """Returns the newest checkpoint whose files are as its manifest says, and the manifest.

    Unlike ``Checkpointer.restore_latest`` it leaves the folder alone: the run may be writing to it.
    """
    checkpoints = sorted(
        (path for path in directory.glob("*") if path.name.isdecimal()), key=lambda path: int(path.name)
    )
    for path in reversed(checkpoints):
        try:
            return path, verify(path)
        except DamagedCheckpoint as damage:
            print(f"Warning: skipping the damaged checkpoint {path}: {damage}", file=sys.stderr)
    if checkpoints:
        raise UserError(
            f"no checkpoint in {directory} is intact; resume the run to make a new one, or restore a copy"
        )
    raise UserError(f"{directory} holds no checkpoint yet; let the run reach its first (--checkpoint_every)")
