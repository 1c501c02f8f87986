"""Not in the paper: figure 1's question at a size for a CPU, wider networks dense and pruned in MinAtar."""

from __future__ import annotations

from tf_pruned_rl.analysis.figures.arms import dense, pruned
from tf_pruned_rl.analysis.figures.spec import Figure, Flags, Panel

LENGTH = 20_000
"""Frames of a run, each an agent step; the preset has 10 M."""
SPACED: Flags = {
    "suite": "minatar",
    "network": "impala",
    # Five iterations: what is drawn, the return in the last one, is that of the last fifth of a run.
    "iteration_frames": LENGTH // 5,
    # Actions are the network's from about where pruning begins.
    "epsilon_decay_period": LENGTH // 5,
    # 60 updates of the masks between 20 % and 80 % of the 5,000 gradient steps.
    "prune_every": 50,
    "checkpoint_every": LENGTH // 2,
    "log_every": 1_000,
}
"""What a run so short spaces otherwise than the preset; all else, warm-up and learning rate too, is its."""
GAMES = ("Breakout", "SpaceInvaders")
SEEDS = 3

FIGURE = Figure(
    number="minatar",
    title="Wider networks, dense and pruned, in MinAtar (DQN, ResNet)",
    command="online",
    kind="final_scores",
    panels=(Panel("Both games", "width", (dense("dqn"), pruned("dqn")), varied="width", values=(1, 3)),),
    tasks=GAMES,
    seeds=SEEDS,
    length=LENGTH,
    each_task=True,
    common=SPACED,
)
