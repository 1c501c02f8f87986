"""Not in the paper: dense agents at width 1 for two million frames, to be held against published curves."""

from __future__ import annotations

from tf_pruned_rl.analysis.figures.arms import dense
from tf_pruned_rl.analysis.figures.spec import Figure, Panel

# Two million frames are 500,000 agent steps: a replay of that capacity forgets none.
_FLAGS = {"network": "nature", "replay_capacity": 500_000}
FIGURE = Figure(
    number="fidelity",
    title="Dense agents beside published curves (Nature CNN)",
    command="online",
    kind="published",
    panels=(
        Panel("DQN", "frames", (dense("dqn", **_FLAGS),)),
        Panel("Rainbow", "frames", (dense("rainbow", **_FLAGS),)),
    ),
    tasks=("Breakout", "Enduro", "Assault", "MsPacman"),
    seeds=1,
    length=2_000_000,
    normalised=False,
)
