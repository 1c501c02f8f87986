"""Figure 1: wider networks, dense and pruned, with the ResNet."""

from __future__ import annotations

from tf_pruned_rl.analysis.figures.arms import dense, pruned
from tf_pruned_rl.analysis.figures.spec import Figure, Panel
from tf_pruned_rl.environments.games import SUITE_15


def _panel(title: str, agent: str) -> Panel:
    arms = (dense(agent, network="impala"), pruned(agent, network="impala"))
    return Panel(title, "width", arms, varied="width", values=(1, 3, 5))


FIGURE = Figure(
    number="1",
    title="Wider networks, dense and pruned (ResNet)",
    command="online",
    kind="final_scores",
    panels=(_panel("DQN", "dqn"), _panel("Rainbow", "rainbow")),
    tasks=SUITE_15,
)
