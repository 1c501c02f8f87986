"""Not in the paper: single weights pruned, or whole channels and blocks, in MinAtar at width 3."""

from __future__ import annotations

from tf_pruned_rl.analysis.figures import minatar
from tf_pruned_rl.analysis.figures.arms import dense, pruned
from tf_pruned_rl.analysis.figures.spec import Arm, Figure, Panel

# Four fifths of every convolution's channels, and 95 % of the dense layer's weights in blocks that a
# processor's vector unit takes whole.
_STRUCTURED = {
    "sparsity": 0.8,
    "structure": "channel",
    "distribution": "uniform",
    "dense_structure": "block",
    "block": "16x1",
    "dense_sparsity": 0.95,
}
_WIDTH = 3

FIGURE = Figure(
    number="structures",
    title="Single weights or whole structures pruned, in MinAtar (DQN, ResNet, width 3)",
    command="online",
    kind="final_scores",
    panels=(
        Panel(
            "DQN",
            "method",
            (
                # These two are runs of the figure beside this one, too.
                dense("dqn", width=_WIDTH),
                pruned("dqn", width=_WIDTH),
                Arm("Structured", {"agent": "dqn", "pruning": "magnitude", "width": _WIDTH, **_STRUCTURED}),
            ),
        ),
    ),
    tasks=minatar.GAMES,
    seeds=minatar.SEEDS,
    length=minatar.LENGTH,
    normalised=False,
    common=minatar.SPACED,
)
