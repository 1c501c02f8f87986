"""Figure 15: as figure 3, for Rainbow."""

from __future__ import annotations

from tf_pruned_rl.analysis.figures.arms import at_sparsities
from tf_pruned_rl.analysis.figures.spec import Figure, Panel
from tf_pruned_rl.environments.games import SUITE_15

_ARMS = at_sparsities("rainbow", (0.9, 0.95, 0.99), network="impala", width=3)
FIGURE = Figure(
    number="15",
    title="Rainbow at several sparsities (ResNet, width 3)",
    command="online",
    kind="learning_curves",
    panels=(Panel("Rainbow", "frames", _ARMS),),
    tasks=SUITE_15,
)
