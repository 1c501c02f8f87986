"""The paper's figures as data, by its numbers, at its budget."""

from __future__ import annotations

from typing import Any

from tf_pruned_rl.analysis.figures.spec import (
    Arm,
    Figure,
    Panel,
    dense,
    dense_and_pruned,
    pruned,
)
from tf_pruned_rl.environments.games import ANALYSIS_GAMES, SUITE_15, SUITE_26, SUITE_60

_AGENTS = (("dqn", "DQN"), ("rainbow", "Rainbow"))
_RESNET: dict[str, Any] = {"network": "impala"}
_RESNET_3: dict[str, Any] = {"network": "impala", "width": 3}
# The 17 games of Kumar et al. (2021), which the paper does not list.
_OFFLINE_GAMES = (
    *("Asterix", "BeamRider", "Breakout", "DemonAttack", "DoubleDunk", "Enduro", "IceHockey", "Jamesbond"),
    *("MsPacman", "Pong", "Qbert", "RoadRunner", "Seaquest", "SpaceInvaders", "WizardOfWor", "YarsRevenge"),
    "Zaxxon",
)
# The paper states neither agent nor width of figures 11 and 13; these are those of the figures around them.
_DIAGNOSED = Panel("DQN", "frames", dense_and_pruned("dqn", **_RESNET_3, diagnostics=True))


def _by_width(title: str, arms: tuple[Arm, ...]) -> Panel:
    return Panel(title, "width", arms, varied="width", values=(1, 3, 5))


def _by_replay_ratio(title: str, arms: tuple[Arm, ...]) -> Panel:
    return Panel(title, "replay_ratio", arms, varied="replay_ratio", values=(0.25, 0.5, 1, 2))


def _methods(**flags: Any) -> tuple[Arm, ...]:
    """Returns the arms of figure 12: pruning, and other methods against the loss of plasticity."""
    return (
        dense("dqn", **flags),
        dense("dqn", "L2", **flags, regularizer="l2_unit"),
        dense("dqn", "WD", **flags, regularizer="weight_decay", decay_coupled=True),
        dense("dqn", "ReDo", **flags, intervention="redo"),
        dense("dqn", "Reset", **flags, intervention="reset"),
        pruned("dqn", **flags),
    )


def _soft_actor_critic(number: str, *tasks: str) -> Figure:
    return Figure(
        number=number,
        title="Soft Actor-Critic at several sparsities (width 5)",
        command="continuous",
        panels=(Panel("SAC", "steps", dense_and_pruned("sac", 0.9, 0.95, 0.99, width=5)),),
        tasks=tasks,
        seeds=10,
        length=1_000_000,
        score="evaluation",
        normalised=False,
    )


FIGURES = (
    Figure(
        number="1",
        title="Wider networks, dense and pruned (ResNet)",
        kind="final_scores",
        panels=tuple(_by_width(title, dense_and_pruned(agent, **_RESNET)) for agent, title in _AGENTS),
        tasks=SUITE_15,
    ),
    Figure(
        number="2",
        title="Sparsity over training",
        kind="schedule",
        panels=(
            Panel(
                "Schedules",
                "frames",
                tuple(
                    pruned("dqn", label=f"{frames} M frames", total_frames=frames * 1_000_000)
                    for frames in (40, 100)
                ),
            ),
        ),
        length=100_000_000,
    ),
    Figure(
        number="3",
        title="DQN at several sparsities (ResNet, width 3)",
        panels=(Panel("DQN", "frames", dense_and_pruned("dqn", 0.9, 0.95, 0.99, **_RESNET_3)),),
        tasks=SUITE_15,
    ),
    Figure(
        number="4",
        title="Wider networks, dense and pruned (Nature CNN)",
        kind="final_scores",
        panels=tuple(_by_width(title, dense_and_pruned(agent, network="nature")) for agent, title in _AGENTS),
        tasks=SUITE_15,
    ),
    Figure(
        number="5",
        title="Rainbow at several replay ratios (ResNet, width 3)",
        kind="final_scores",
        panels=(_by_replay_ratio("Rainbow", dense_and_pruned("rainbow", **_RESNET_3)),),
        tasks=SUITE_15,
    ),
    Figure(
        number="6",
        title="Learning from fixed data (ResNet)",
        command="offline",
        panels=tuple(
            Panel(
                f"{title}, width {width}",
                "iteration",
                dense_and_pruned(agent, 0.95, 0.99, **_RESNET, width=width),
            )
            for agent, title in (("cql", "CQL"), ("cql_c51", "CQL + C51"))
            for width in (1, 3)
        ),
        tasks=_OFFLINE_GAMES,
        length=12_500_000,  # gradient steps
        score="evaluation",
    ),
    Figure(
        number="7",
        title="The full suite (ResNet, width 3)",
        panels=tuple(
            Panel(title, "frames", dense_and_pruned(agent, **_RESNET_3)) for agent, title in _AGENTS
        ),
        tasks=SUITE_60,  # 55 of which have a human score
    ),
    Figure(
        number="8",
        title="DrQ(eps) and DER at several sparsities (ResNet, width 3)",
        panels=tuple(
            Panel(title, "frames", dense_and_pruned(agent, 0.9, 0.95, **_RESNET_3))
            for agent, title in (("drq_eps", "DrQ(eps)"), ("der", "DER"))
        ),
        tasks=SUITE_26,
        score="evaluation",
    ),
    _soft_actor_critic("9", "Walker2d-v5", "Ant-v5"),
    Figure(
        number="10",
        title="Two schedules over 100 M frames (ResNet, width 3)",
        panels=(
            Panel(
                "DQN",
                "frames",
                (
                    dense("dqn", **_RESNET_3),
                    # The window of a run of 40 M frames: 8 M to 32 M.
                    pruned(
                        "dqn",
                        label="95 % pruned, 40 M schedule",
                        **_RESNET_3,
                        prune_start=0.08,
                        prune_end=0.32,
                    ),
                    pruned("dqn", label="95 % pruned, 100 M schedule", **_RESNET_3),
                ),
            ),
        ),
        tasks=SUITE_15,
        length=100_000_000,
    ),
    Figure(
        number="11",
        title="Inside dense and pruned networks (DQN, ResNet, width 3)",
        kind="diagnostics",
        panels=(_DIAGNOSED,),
        tasks=ANALYSIS_GAMES,
    ),
    Figure(
        number="12",
        title="Pruning and other interventions (DQN, ResNet)",
        panels=(
            Panel("Width 3", "frames", _methods(**_RESNET_3)),
            Panel("Widths", "method", _methods(**_RESNET), varied="width", values=(1, 3, 5)),
        ),
        tasks=SUITE_15,
    ),
    Figure(
        number="13",
        title="Gradient covariance (DQN, ResNet, width 3)",
        kind="covariance",
        panels=(_DIAGNOSED,),
        tasks=("Breakout", "VideoPinball"),
        seeds=1,
    ),
    Figure(
        number="14",
        title="DQN and Rainbow at several sparsities (Nature CNN)",
        panels=tuple(
            Panel(
                f"{title}, width {width}",
                "frames",
                dense_and_pruned(agent, 0.5, 0.95, 0.98, 0.99, network="nature", width=width),
            )
            for agent, title in _AGENTS
            # The paper states neither network nor rows. Figure 15 names the ResNet, so this is the CNN here.
            for width in (1, 3)
        ),
        tasks=SUITE_15,
    ),
    Figure(
        number="15",
        title="Rainbow at several sparsities (ResNet, width 3)",
        panels=(Panel("Rainbow", "frames", dense_and_pruned("rainbow", 0.9, 0.95, 0.99, **_RESNET_3)),),
        tasks=SUITE_15,
    ),
    Figure(
        number="16",
        title="DQN at several replay ratios and sparsities (ResNet)",
        kind="final_scores",
        panels=tuple(
            _by_replay_ratio(
                f"Width {width}", dense_and_pruned("dqn", 0.8, 0.95, 0.99, **_RESNET, width=width)
            )
            for width in (1, 3)
        ),
        tasks=SUITE_15,
    ),
    _soft_actor_critic("17", "HalfCheetah-v5", "Hopper-v5", "Humanoid-v5"),
)
