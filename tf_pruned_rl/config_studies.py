"""The parts of a configuration that are for understanding a run: interventions and diagnostics."""

from __future__ import annotations

from dataclasses import dataclass


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
