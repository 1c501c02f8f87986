"""Figure 17: Soft Actor-Critic in the tasks where pruning does not help."""

from __future__ import annotations

from dataclasses import replace

from tf_pruned_rl.analysis.figures.figure_09 import FIGURE as _FIGURE_9

FIGURE = replace(_FIGURE_9, number="17", tasks=("HalfCheetah-v5", "Hopper-v5", "Humanoid-v5"))
