"""Figures that the paper does not have, as data: small enough for a few CPU cores."""

from __future__ import annotations

from typing import Any

from tf_pruned_rl.analysis.figures.spec import Figure, Panel, dense, dense_and_pruned, pruned

# Two million frames are 500,000 agent steps, so this replay keeps them all.
_FIDELITY: dict[str, Any] = {"network": "nature", "replay_capacity": 500_000}

_MINATAR_LENGTH = 20_000
"""Frames of a run, each an agent step; the preset has 10 M."""
_MINATAR: dict[str, Any] = {
    "suite": "minatar",
    "network": "impala",
    # Five iterations: the score of a run, the return of its last iteration, covers its last fifth.
    "iteration_frames": _MINATAR_LENGTH // 5,
    # Exploration ends at about the frame at which pruning begins.
    "epsilon_decay_period": _MINATAR_LENGTH // 5,
    # 60 updates of the masks between 20 % and 80 % of the 5,000 gradient steps.
    "prune_every": 50,
    "checkpoint_every": _MINATAR_LENGTH // 2,
    "log_every": 1_000,
}
"""Intervals of so short a run. All else is the preset's, warm-up and learning rate included."""
_MINATAR_GAMES = ("Breakout", "SpaceInvaders")

# Four fifths of every convolution's channels, and 95 % of the dense layer's weights in blocks that a
# processor's vector unit loads whole.
_STRUCTURED: dict[str, Any] = {
    "structure": "channel",
    "distribution": "uniform",
    "dense_structure": "block",
    "block": "16x1",
    "dense_sparsity": 0.95,
}

FIGURES = (
    # Dense agents at width 1 for two million frames, beside published curves.
    Figure(
        number="fidelity",
        title="Dense agents beside published curves (Nature CNN)",
        kind="published",
        panels=(
            Panel("DQN", "frames", (dense("dqn", **_FIDELITY),)),
            Panel("Rainbow", "frames", (dense("rainbow", **_FIDELITY),)),
        ),
        tasks=("Breakout", "Enduro", "Assault", "MsPacman"),
        seeds=1,
        length=2_000_000,
        normalised=False,
    ),
    # Figure 1's question in MinAtar.
    Figure(
        number="minatar",
        title="Wider networks, dense and pruned, in MinAtar (DQN, ResNet)",
        kind="final_scores",
        panels=(Panel("Both games", "width", dense_and_pruned("dqn"), varied="width", values=(1, 3)),),
        tasks=_MINATAR_GAMES,
        seeds=3,
        length=_MINATAR_LENGTH,
        each_task=True,
        common=_MINATAR,
    ),
    # Single weights pruned, or whole channels and blocks. The first two arms share figure minatar's runs.
    Figure(
        number="structures",
        title="Single weights or whole structures pruned, in MinAtar (DQN, ResNet, width 3)",
        kind="final_scores",
        panels=(
            Panel(
                "DQN",
                "method",
                (
                    *dense_and_pruned("dqn", width=3),
                    pruned("dqn", 0.8, "Structured", width=3, **_STRUCTURED),
                ),
            ),
        ),
        tasks=_MINATAR_GAMES,
        seeds=3,
        length=_MINATAR_LENGTH,
        normalised=False,
        common=_MINATAR,
    ),
)
