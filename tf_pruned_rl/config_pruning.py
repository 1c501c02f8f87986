"""The part of a configuration that says what is pruned, when, and how."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PruningConfig:
    """Pruning: gradual (the paper, section 3 and equation 1), or sparse from the start."""

    pruning: str = "magnitude"
    """Which weights go: magnitude (the smallest), random (any), none (a dense run). Sparse from the start:
    static (random weights, for good), set and rigl (weights are exchanged: by chance, by gradient)."""
    sparsity: float = 0.95
    """Share of the kernel weights that is zero at the end, in [0, 1)."""
    distribution: str = "erk"
    """How the zeros are shared among layers: erk (Erdos-Renyi kernel), uniform, or global (all compete)."""
    structure: str = "unstructured"
    """What goes as a whole: unstructured (single weights), block (see block), channel (outputs of a layer),
    n_m (two of every four inputs)."""
    block: str = "4x4"
    """Inputs x outputs of a block of weights; in a convolution, at each position of its filters."""
    dense_structure: str = "same"
    """What goes as a whole in dense layers: same (as by structure), or one of its words."""
    dense_sparsity: float = 0.0
    """Share of the kernel weights of dense layers that is zero at the end; sparsity is then that of the
    others. 0: sparsity is that of all."""
    prune_start: float = 0.2
    """Where pruning starts, as a fraction of the run's gradient steps."""
    prune_end: float = 0.8
    """Where pruning ends, as a fraction of the run's gradient steps."""
    prune_every: int = 1_000
    """Gradient steps between updates of the masks."""
    exchange: float = 0.3
    """Share of the kept weights that set and rigl exchange at an update; falls to 0 along a cosine."""


@dataclass(frozen=True)
class ControlPruningConfig(PruningConfig):
    """Gradual pruning; the actor and the critics share out their zeros each for itself."""

    prune_networks: str = "all"
    """Which networks are pruned: all, actor, or critics."""
    prune_output_layers: bool = True
    """Prune the last layer of each network too."""
