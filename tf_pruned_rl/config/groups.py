"""The groups of a configuration that every kind of run has: pruning, interventions, diagnostics, the run."""

from __future__ import annotations

from dataclasses import dataclass

from tf_pruned_rl.config.rules import number, word
from tf_pruned_rl.registry import DISTRIBUTIONS, INTERVENTIONS, PRUNING_METHODS, STRUCTURES


@dataclass(frozen=True)
class PruningConfig:
    """Pruning: gradual (the paper, section 3 and equation 1), or sparse from the start."""

    pruning: str = word("magnitude", PRUNING_METHODS, "none")
    """When zeros come and which weights they replace; none: a dense run."""
    sparsity: float = number(0.95, below=1, note=": 0.95 leaves one weight in twenty")
    """Share of the kernel weights that is zero at the end, in [0, 1)."""
    distribution: str = word("erk", DISTRIBUTIONS)
    """How the zeros are distributed among layers."""
    structure: str = word("unstructured", STRUCTURES)
    """Which weights are pruned together."""
    block: str = "4x4"
    """Inputs x outputs of a block of weights; in a convolution, at each position of its filters."""
    dense_structure: str = word("same", "same", STRUCTURES)
    """Which weights are pruned together in dense layers; same: as --structure."""
    dense_sparsity: float = number(0.0, below=1, note="; 0: dense layers have no sparsity of their own")
    """Share of the kernel weights of dense layers that is zero at the end; sparsity is then that of the
    others. 0: sparsity is that of all."""
    prune_layers: str = ""
    """Which layers are pruned: a pattern of names, as in conv* or stack1_*,dense; empty is all."""
    prune_start: float = number(0.2, at_most=1)
    """Where pruning starts, as a fraction of the run's gradient steps."""
    prune_end: float = number(0.8, at_most=1)
    """Where pruning ends, as a fraction of the run's gradient steps."""
    prune_every: int = number(1_000, at_least=1)
    """Gradient steps between updates of the masks."""
    drop_fraction: float = number(0.3, at_most=1)
    """Share of the kept weights that set and rigl drop, and grow elsewhere, at the first update; falls to 0
    along a cosine."""


@dataclass(frozen=True)
class InterventionConfig:
    """What is done to the weights beside learning and pruning (the paper, section 5.1)."""

    intervention: str = word("none", INTERVENTIONS)
    """What is done to neurons or layers during the run."""
    redo_every: int = number(1_000, at_least=1)
    """Gradient steps between two searches for dormant neurons."""
    redo_threshold: float = number(0.1)
    """A neuron is dormant if its share of its layer's mean activation is at most this."""
    redo_batch: int = number(256, at_least=1, limit=65_536)
    """States on which dormant neurons are measured."""
    reset_every: int = number(100_000, at_least=1)
    """Gradient steps between resets."""
    reset_layers: str = word("last", "last", "penultimate", "both", "all")
    """Which layers of each network are reset."""
    decay_rate: float = number(1e-5)
    """Rate of --regularizer=weight_decay."""
    decay_coupled: bool = False
    """Add the decay to the gradients, before Adam, instead of shrinking the weights after it."""


@dataclass(frozen=True)
class DiagnosticsConfig:
    """What is measured to explain how a run goes (the paper, figures 11 and 13)."""

    diagnostics: bool = False
    """Measure Q-values, norms, effective rank, dormant neurons and gradient covariance during the run."""
    diagnostics_every: int = number(320_000, at_least=1)
    """Frames between measurements (20,000 gradient steps)."""
    diagnostics_batch: int = number(2_048, at_least=2, limit=65_536)
    """States sampled from replay for a measurement."""
    covariance_batch: int = number(32, at_least=2, limit=65_536)
    """Transitions whose gradients are compared; each takes the memory of one gradient."""
    dormant_threshold: float = number(0.0)
    """A neuron counts as dormant if its share of its layer's mean activation is at most this."""
    srank_delta: float = number(0.01, above=0, below=1)
    """The effective rank leaves out this share of the sum of the singular values."""


@dataclass(frozen=True)
class AnyRunConfig:
    """Seed, machine and directory of a run."""

    seed: int = number(0, below=2**31)
    """Seed of everything random."""
    deterministic: bool = False
    """Make every operation reproducible bit by bit, at some cost in speed."""
    jit_compile: bool = False
    """Compile the gradient step with XLA (for a GPU; on a CPU it is slower)."""
    cpu_optimizations: bool = True
    """Compute the networks in the order and the form that a CPU finishes sooner: the same numbers up to
    rounding. Without effect on a GPU and with --jit_compile."""
    threads: int = number(0, limit=1_024)
    """CPU cores that the run uses; 0: every core. The results have the same meaning with any number."""
    run_dir: str = ""
    """Directory of the run's files; empty: a name made from the configuration, below runs/."""
