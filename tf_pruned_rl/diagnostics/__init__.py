"""What is measured to see why a pruned network learns as it does (the paper, section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tf_pruned_rl.config import Config
from tf_pruned_rl.diagnostics.measuring import Diagnostics, NoDiagnostics
from tf_pruned_rl.replay import Replay

__all__ = ["Diagnostics", "NoDiagnostics", "create"]


def create(
    config: Config, agent: Any, replay: Replay, masks: Mapping[Any, tf.Variable]
) -> Diagnostics | NoDiagnostics:
    """Returns the diagnostics of a run, or the object that measures nothing.

    Args:
      config: the run's.
      agent: the agent to measure.
      replay: where the states come from.
      masks: {reference of a kernel's variable: its mask}, as of ``Pruner.masks``.
    """
    if not config.diagnostics.diagnostics:
        return NoDiagnostics()
    return Diagnostics(config.diagnostics, agent, replay, masks, seed=config.run.seed)
