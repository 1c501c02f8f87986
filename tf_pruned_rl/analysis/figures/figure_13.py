"""Figure 13: which transitions ask for the same change; runs of figure 11."""

from __future__ import annotations

from dataclasses import replace

from tf_pruned_rl.analysis.figures.figure_11 import FIGURE as _FIGURE_11

FIGURE = replace(
    _FIGURE_11,
    number="13",
    title="Gradient covariance (DQN, ResNet, width 3)",
    kind="covariance",
    tasks=("Breakout", "VideoPinball"),
    seeds=1,
)
