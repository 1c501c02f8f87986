"""Figure 4: as figure 1, with the Nature CNN."""

from __future__ import annotations

from tf_pruned_rl.analysis.figures.arms import dense, pruned
from tf_pruned_rl.analysis.figures.spec import Figure, Panel
from tf_pruned_rl.environments.games import SUITE_15


def _panel(title: str, agent: str) -> Panel:
    arms = (dense(agent, network="nature"), pruned(agent, network="nature"))
    return Panel(title, "width", arms, varied="width", values=(1, 3, 5))


FIGURE = Figure(
    number="4",
    title="Wider networks, dense and pruned (Nature CNN)",
    command="online",
    kind="final_scores",
    panels=(_panel("DQN", "dqn"), _panel("Rainbow", "rainbow")),
    tasks=SUITE_15,
)
