"""The paper's figures as data, by its numbers, at its budget."""

from __future__ import annotations

from typing import Any

from tf_pruned_rl.analysis.figures.spec import Arm, Figure, Panel, dense, dense_and_pruned, pruned
from tf_pruned_rl.environments.games import ANALYSIS_GAMES, SUITE_15, SUITE_26, SUITE_60

_AGENTS = (("dqn", "DQN"), ("rainbow", "Rainbow"))
_WIDTHS = (1, 3, 5)
_RESNET: dict[str, Any] = {"network": "impala"}
_RESNET_3: dict[str, Any] = {"network": "impala", "width": 3}
# The 17 games of Kumar et al. (2021), which the paper does not list.
_OFFLINE_GAMES = (
    *("Asterix", "BeamRider", "Breakout", "DemonAttack", "DoubleDunk", "Enduro", "IceHockey", "Jamesbond"),
    *("MsPacman", "Pong", "Qbert", "RoadRunner", "Seaquest", "SpaceInvaders", "WizardOfWor", "YarsRevenge"),
    "Zaxxon",
)


def _panel(title: str, agent: str, *sparsities: float, x: str = "frames", **flags: Any) -> Panel:
    return Panel(title, x, dense_and_pruned(agent, *sparsities, **flags))


def _by_width(title: str, agent: str, **flags: Any) -> Panel:
    return Panel(title, "width", dense_and_pruned(agent, **flags), varied="width", values=_WIDTHS)


def _by_replay_ratio(title: str, agent: str, *sparsities: float, **flags: Any) -> Panel:
    arms = dense_and_pruned(agent, *sparsities, **flags)
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
        number,
        "Soft Actor-Critic at several sparsities (width 5)",
        (_panel("SAC", "sac", 0.9, 0.95, 0.99, x="steps", width=5),),
        command="continuous",
        tasks=tasks,
        seeds=10,
        length=1_000_000,
        score="evaluation",
        normalised=False,
    )


# The paper states neither agent nor width of figures 11 and 13; these are those of the figures around them.
_DIAGNOSED = (_panel("DQN", "dqn", **_RESNET_3, diagnostics=True),)

FIGURES = (
    Figure(
        "1",
        "Wider networks, dense and pruned (ResNet)",
        tuple(_by_width(title, agent, **_RESNET) for agent, title in _AGENTS),
        kind="final_scores",
        tasks=SUITE_15,
    ),
    Figure(
        "2",
        "Sparsity over training",
        (
            Panel(
                "Schedules",
                "frames",
                (
                    pruned("dqn", label="40 M frames", total_frames=40_000_000),
                    pruned("dqn", label="100 M frames", total_frames=100_000_000),
                ),
            ),
        ),
        kind="schedule",
        length=100_000_000,
    ),
    Figure(
        "3",
        "DQN at several sparsities (ResNet, width 3)",
        (_panel("DQN", "dqn", 0.9, 0.95, 0.99, **_RESNET_3),),
        tasks=SUITE_15,
    ),
    Figure(
        "4",
        "Wider networks, dense and pruned (Nature CNN)",
        tuple(_by_width(title, agent, network="nature") for agent, title in _AGENTS),
        kind="final_scores",
        tasks=SUITE_15,
    ),
    Figure(
        "5",
        "Rainbow at several replay ratios (ResNet, width 3)",
        (_by_replay_ratio("Rainbow", "rainbow", **_RESNET_3),),
        kind="final_scores",
        tasks=SUITE_15,
    ),
    Figure(
        "6",
        "Learning from fixed data (ResNet)",
        tuple(
            _panel(f"{title}, width {width}", agent, 0.95, 0.99, x="iteration", **_RESNET, width=width)
            for agent, title in (("cql", "CQL"), ("cql_c51", "CQL + C51"))
            for width in (1, 3)
        ),
        command="offline",
        tasks=_OFFLINE_GAMES,
        length=12_500_000,  # gradient steps
        score="evaluation",
    ),
    Figure(
        "7",
        "The full suite (ResNet, width 3)",
        tuple(_panel(title, agent, **_RESNET_3) for agent, title in _AGENTS),
        tasks=SUITE_60,  # 55 of which have a human score
    ),
    Figure(
        "8",
        "DrQ(eps) and DER at several sparsities (ResNet, width 3)",
        tuple(
            _panel(title, agent, 0.9, 0.95, **_RESNET_3)
            for agent, title in (("drq_eps", "DrQ(eps)"), ("der", "DER"))
        ),
        tasks=SUITE_26,
        score="evaluation",
    ),
    _soft_actor_critic("9", "Walker2d-v5", "Ant-v5"),
    Figure(
        "10",
        "Two schedules over 100 M frames (ResNet, width 3)",
        (
            Panel(
                "DQN",
                "frames",
                (
                    dense("dqn", **_RESNET_3),
                    # The window of a run of 40 M frames: 8 M to 32 M.
                    pruned(
                        "dqn",
                        0.95,
                        "95 % pruned, 40 M schedule",
                        **_RESNET_3,
                        prune_start=0.08,
                        prune_end=0.32,
                    ),
                    pruned("dqn", 0.95, "95 % pruned, 100 M schedule", **_RESNET_3),
                ),
            ),
        ),
        tasks=SUITE_15,
        length=100_000_000,
    ),
    Figure(
        "11",
        "Inside dense and pruned networks (DQN, ResNet, width 3)",
        _DIAGNOSED,
        kind="diagnostics",
        tasks=ANALYSIS_GAMES,
    ),
    Figure(
        "12",
        "Pruning and other interventions (DQN, ResNet)",
        (
            Panel("Width 3", "frames", _methods(**_RESNET_3)),
            Panel("Widths", "method", _methods(**_RESNET), varied="width", values=_WIDTHS),
        ),
        tasks=SUITE_15,
    ),
    Figure(
        "13",
        "Gradient covariance (DQN, ResNet, width 3)",
        _DIAGNOSED,
        kind="covariance",
        tasks=("Breakout", "VideoPinball"),
        seeds=1,
    ),
    Figure(
        "14",
        "DQN and Rainbow at several sparsities (Nature CNN)",
        # The paper states neither network nor rows. Figure 15 names the ResNet, so this is the CNN here.
        tuple(
            _panel(f"{title}, width {width}", agent, 0.5, 0.95, 0.98, 0.99, network="nature", width=width)
            for agent, title in _AGENTS
            for width in (1, 3)
        ),
        tasks=SUITE_15,
    ),
    Figure(
        "15",
        "Rainbow at several sparsities (ResNet, width 3)",
        (_panel("Rainbow", "rainbow", 0.9, 0.95, 0.99, **_RESNET_3),),
        tasks=SUITE_15,
    ),
    Figure(
        "16",
        "DQN at several replay ratios and sparsities (ResNet)",
        tuple(
            _by_replay_ratio(f"Width {width}", "dqn", 0.8, 0.95, 0.99, **_RESNET, width=width)
            for width in (1, 3)
        ),
        kind="final_scores",
        tasks=SUITE_15,
    ),
    _soft_actor_critic("17", "HalfCheetah-v5", "Hopper-v5", "Humanoid-v5"),
)
