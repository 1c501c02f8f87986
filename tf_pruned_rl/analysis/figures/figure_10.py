"""Figure 10: two schedules in runs of 100 million frames."""

from __future__ import annotations

from typing import Any

from tf_pruned_rl.analysis.figures.arms import dense, pruned
from tf_pruned_rl.analysis.figures.spec import Arm, Figure, Panel
from tf_pruned_rl.environments.games import SUITE_15

_FLAGS: dict[str, Any] = {"network": "impala", "width": 3}
# The window of a run of 40 M frames: 8 M to 32 M.
_EARLY = pruned("dqn", **_FLAGS, prune_start=0.08, prune_end=0.32)
_ARMS = (
    dense("dqn", **_FLAGS),
    Arm("95 % pruned, 40 M schedule", _EARLY.flags),
    Arm("95 % pruned, 100 M schedule", pruned("dqn", **_FLAGS).flags),
)
FIGURE = Figure(
    number="10",
    title="Two schedules over 100 M frames (ResNet, width 3)",
    command="online",
    kind="learning_curves",
    panels=(Panel("DQN", "frames", _ARMS),),
    tasks=SUITE_15,
    length=100_000_000,
)
