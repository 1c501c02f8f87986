"""Figure 12: pruning beside what else keeps networks plastic."""

from __future__ import annotations

from typing import Any

from tf_pruned_rl.analysis.figures.arms import dense, pruned
from tf_pruned_rl.analysis.figures.spec import Arm, Figure, Panel
from tf_pruned_rl.environments.games import SUITE_15


def _arms(**flags: Any) -> tuple[Arm, ...]:
    def other(label: str, **how: object) -> Arm:
        return Arm(label, {**dense("dqn", network="impala", **flags).flags, **how})

    return (
        other("Dense"),
        other("L2", regularizer="l2_unit"),
        other("WD", regularizer="weight_decay", decay_coupled=True),
        other("ReDo", intervention="redo"),
        other("Reset", intervention="reset"),
        Arm("95 % pruned", pruned("dqn", network="impala", **flags).flags),
    )


FIGURE = Figure(
    number="12",
    title="Pruning and other interventions (DQN, ResNet)",
    command="online",
    kind="learning_curves",
    panels=(
        Panel("Width 3", "frames", _arms(width=3)),
        Panel("Widths", "method", _arms(), varied="width", values=(1, 3, 5)),
    ),
    tasks=SUITE_15,
)
