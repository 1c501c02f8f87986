"""Figure 3: how sparse, at width 3."""

from __future__ import annotations

from tf_pruned_rl.analysis.figures.arms import at_sparsities
from tf_pruned_rl.analysis.figures.spec import Figure, Panel
from tf_pruned_rl.environments.games import SUITE_15

FIGURE = Figure(
    number="3",
    title="DQN at several sparsities (ResNet, width 3)",
    command="online",
    kind="learning_curves",
    panels=(Panel("DQN", "frames", at_sparsities("dqn", (0.9, 0.95, 0.99), network="impala", width=3)),),
    tasks=SUITE_15,
)
