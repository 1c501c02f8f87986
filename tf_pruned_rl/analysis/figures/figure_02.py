"""Figure 2: the schedules, from Eq. 1 alone."""

from __future__ import annotations

from tf_pruned_rl.analysis.figures.arms import pruned
from tf_pruned_rl.analysis.figures.spec import Arm, Figure, Panel

_ARMS = tuple(
    Arm(f"{frames} M frames", {**pruned("dqn").flags, "total_frames": frames * 1_000_000})
    for frames in (40, 100)
)
FIGURE = Figure(
    number="2",
    title="Sparsity over training",
    command="online",
    kind="schedule",
    panels=(Panel("Schedules", "frames", _ARMS),),
    length=100_000_000,
)
