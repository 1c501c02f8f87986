"""Figure 5: replay ratios, Rainbow at width 3."""

from __future__ import annotations

from tf_pruned_rl.analysis.figures.arms import dense, pruned
from tf_pruned_rl.analysis.figures.spec import Figure, Panel
from tf_pruned_rl.environments.games import SUITE_15

_ARMS = (dense("rainbow", network="impala", width=3), pruned("rainbow", network="impala", width=3))
FIGURE = Figure(
    number="5",
    title="Rainbow at several replay ratios (ResNet, width 3)",
    command="online",
    kind="final_scores",
    panels=(Panel("Rainbow", "replay_ratio", _ARMS, varied="replay_ratio", values=(0.25, 0.5, 1, 2)),),
    tasks=SUITE_15,
)
