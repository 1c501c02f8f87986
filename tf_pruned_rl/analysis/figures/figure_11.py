"""Figure 11: what happens inside the networks."""

from __future__ import annotations

from typing import Any

from tf_pruned_rl.analysis.figures.arms import dense, pruned
from tf_pruned_rl.analysis.figures.spec import Figure, Panel
from tf_pruned_rl.environments.games import ANALYSIS_GAMES

# The paper states neither agent nor width; these are those of the figures around it.
_FLAGS: dict[str, Any] = {"network": "impala", "width": 3, "diagnostics": True}
FIGURE = Figure(
    number="11",
    title="Inside dense and pruned networks (DQN, ResNet, width 3)",
    command="online",
    kind="diagnostics",
    panels=(Panel("DQN", "frames", (dense("dqn", **_FLAGS), pruned("dqn", **_FLAGS))),),
    tasks=ANALYSIS_GAMES,
)
