"""Figure 9: Soft Actor-Critic in the two tasks where pruning helps."""

from __future__ import annotations

from tf_pruned_rl.analysis.figures.arms import at_sparsities
from tf_pruned_rl.analysis.figures.spec import Figure, Panel

FIGURE = Figure(
    number="9",
    title="Soft Actor-Critic at several sparsities (width 5)",
    command="continuous",
    kind="learning_curves",
    panels=(Panel("SAC", "steps", at_sparsities("sac", (0.9, 0.95, 0.99), width=5)),),
    tasks=("Walker2d-v5", "Ant-v5"),
    seeds=10,
    length=1_000_000,
    score="evaluation",
    normalised=False,
)
