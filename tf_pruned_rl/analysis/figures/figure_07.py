"""Figure 7: the full suite of 60 games, 55 of which have a human score."""

from __future__ import annotations

from tf_pruned_rl.analysis.figures.arms import dense, pruned
from tf_pruned_rl.analysis.figures.spec import Figure, Panel
from tf_pruned_rl.environments.games import SUITE_60


def _panel(title: str, agent: str) -> Panel:
    arms = (dense(agent, network="impala", width=3), pruned(agent, network="impala", width=3))
    return Panel(title, "frames", arms)


FIGURE = Figure(
    number="7",
    title="The full suite (ResNet, width 3)",
    command="online",
    kind="learning_curves",
    panels=(_panel("DQN", "dqn"), _panel("Rainbow", "rainbow")),
    tasks=SUITE_60,
)
