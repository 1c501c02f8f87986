"""Figure 8: the agents of the low-data benchmark, trained for long."""

from __future__ import annotations

from tf_pruned_rl.analysis.figures.arms import at_sparsities
from tf_pruned_rl.analysis.figures.spec import Figure, Panel
from tf_pruned_rl.environments.games import SUITE_26


def _panel(title: str, agent: str) -> Panel:
    return Panel(title, "frames", at_sparsities(agent, (0.9, 0.95), network="impala", width=3))


FIGURE = Figure(
    number="8",
    title="DrQ(eps) and DER at several sparsities (ResNet, width 3)",
    command="online",
    kind="learning_curves",
    panels=(_panel("DrQ(eps)", "drq_eps"), _panel("DER", "der")),
    tasks=SUITE_26,
    score="evaluation",
)
