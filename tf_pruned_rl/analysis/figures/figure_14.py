"""Figure 14: sparsities and widths, with the Nature CNN."""

from __future__ import annotations

from tf_pruned_rl.analysis.figures.arms import at_sparsities
from tf_pruned_rl.analysis.figures.spec import Figure, Panel
from tf_pruned_rl.environments.games import SUITE_15

# The paper states neither network nor rows; figure 15 names the ResNet, so this is taken to be the CNN.
_SPARSITIES = (0.5, 0.95, 0.98, 0.99)
FIGURE = Figure(
    number="14",
    title="DQN and Rainbow at several sparsities (Nature CNN)",
    command="online",
    kind="learning_curves",
    panels=tuple(
        Panel(
            f"{title}, width {width}",
            "frames",
            at_sparsities(agent, _SPARSITIES, network="nature", width=width),
        )
        for agent, title in (("dqn", "DQN"), ("rainbow", "Rainbow"))
        for width in (1, 3)
    ),
    tasks=SUITE_15,
)
