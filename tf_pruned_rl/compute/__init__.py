"""How the numbers of a network are computed faster. What the network is, ``networks`` says."""

from __future__ import annotations

from tf_pruned_rl.compute.choice import enabled, optimized
from tf_pruned_rl.compute.computation import Activations, Computation, Implementation, StepState, tensor

__all__ = [
    "Activations",
    "Computation",
    "Implementation",
    "StepState",
    "enabled",
    "optimized",
    "tensor",
]
