"""Figure 16: replay ratios and sparsities, DQN."""

from __future__ import annotations

from tf_pruned_rl.analysis.figures.arms import at_sparsities
from tf_pruned_rl.analysis.figures.spec import Figure, Panel
from tf_pruned_rl.environments.games import SUITE_15


def _panel(width: int) -> Panel:
    arms = at_sparsities("dqn", (0.8, 0.95, 0.99), network="impala", width=width)
    return Panel(f"Width {width}", "replay_ratio", arms, varied="replay_ratio", values=(0.25, 0.5, 1, 2))


FIGURE = Figure(
    number="16",
    title="DQN at several replay ratios and sparsities (ResNet)",
    command="online",
    kind="final_scores",
    panels=(_panel(1), _panel(3)),
    tasks=SUITE_15,
)
