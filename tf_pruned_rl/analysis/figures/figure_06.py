"""Figure 6: learning from fixed data; a run of the data for every seed."""

from __future__ import annotations

from tf_pruned_rl.analysis.figures.arms import at_sparsities
from tf_pruned_rl.analysis.figures.spec import Figure, Panel

# The 17 games of Kumar et al. (2021), which the paper does not list.
_GAMES = (
    *("Asterix", "BeamRider", "Breakout", "DemonAttack", "DoubleDunk", "Enduro", "IceHockey", "Jamesbond"),
    *("MsPacman", "Pong", "Qbert", "RoadRunner", "Seaquest", "SpaceInvaders", "WizardOfWor", "YarsRevenge"),
    "Zaxxon",
)
FIGURE = Figure(
    number="6",
    title="Learning from fixed data (ResNet)",
    command="offline",
    kind="learning_curves",
    panels=tuple(
        Panel(
            f"{title}, width {width}",
            "iteration",
            at_sparsities(agent, (0.95, 0.99), network="impala", width=width),
        )
        for agent, title in (("cql", "CQL"), ("cql_c51", "CQL + C51"))
        for width in (1, 3)
    ),
    tasks=_GAMES,
    length=12_500_000,  # gradient steps
    score="evaluation",
)
