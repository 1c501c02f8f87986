"""The groups of a configuration that several kinds of run share: pruning, interventions, diagnostics."""

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


@dataclass(frozen=True)
class AnyRunConfig:
    """By which seed, how, where."""

    seed: int = 0
    """Seed of everything random."""
    deterministic: bool = False
    """Make every operation reproducible bit by bit, at some cost in speed."""
    jit_compile: bool = False
    """Compile the gradient step with XLA (for a GPU; on a CPU it is slower)."""
    cpu_optimizations: bool = True
    """Compute the networks in the order and the form that a CPU finishes sooner: the same numbers up to
    rounding. Without effect on a GPU and with --jit_compile."""
    threads: int = 0
    """CPU cores the run keeps busy; 0 is every core. Does not change the results' meaning."""
    run_dir: str = ""
    """Where everything is written; empty makes a name from the configuration, below runs/."""


@dataclass(frozen=True)
class InterventionConfig:
    """What is done to the weights beside learning and pruning (the paper, section 5.1)."""

    intervention: str = "none"
    """none, redo (dormant neurons start anew) or reset (the last layers do, again and again)."""
    redo_every: int = 1_000
    """Gradient steps between two searches for dormant neurons."""
    redo_threshold: float = 0.1
    """A neuron is dormant whose share of its layer's mean activation is at most this."""
    redo_batch: int = 256
    """States that dormant neurons are measured on."""
    reset_every: int = 100_000
    """Gradient steps between resets."""
    reset_layers: str = "last"
    """Which layers of each network reset: last, penultimate, both, or all."""
    decay_rate: float = 1e-5
    """Strength of --regularizer=weight_decay."""
    decay_coupled: bool = False
    """Add the decay to the gradients, before Adam, instead of shrinking the weights after it."""


@dataclass(frozen=True)
class DiagnosticsConfig:
    """What is measured to see why a run goes as it goes (the paper, figures 11 and 13)."""

    diagnostics: bool = False
    """Measure Q-values, norms, effective rank, dormant neurons and gradient covariance along the way."""
    diagnostics_every: int = 320_000
    """Frames between measurements (20,000 gradient steps)."""
    diagnostics_batch: int = 2_048
    """States drawn from replay for a measurement."""
    covariance_batch: int = 32
    """Transitions whose gradients are compared; each takes the memory of one gradient."""
    dormant_threshold: float = 0.0
    """A neuron counts as dormant whose share of its layer's mean activation is at most this."""
    srank_delta: float = 0.01
    """The effective rank leaves out this share of the sum of the singular values."""


@dataclass(frozen=True)
class ControlDiagnosticsConfig(DiagnosticsConfig):
    """The same in continuous control."""

    diagnostics_every: int = 20_000
    """Environment steps between measurements."""
