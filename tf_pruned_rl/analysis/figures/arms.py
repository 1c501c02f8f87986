"""The arms that many figures share."""

from __future__ import annotations

from typing import Any

from tf_pruned_rl.analysis.figures.spec import Arm


def dense(agent: str, **flags: Any) -> Arm:
    """Returns the arm of an agent that is not pruned."""
    return Arm("Dense", {"agent": agent, "pruning": "none", **flags})


def pruned(agent: str, sparsity: float = 0.95, **flags: Any) -> Arm:
    """Returns the arm of an agent pruned gradually, by magnitude."""
    label = f"{100 * sparsity:g} % pruned"
    return Arm(label, {"agent": agent, "pruning": "magnitude", "sparsity": sparsity, **flags})


def at_sparsities(agent: str, sparsities: tuple[float, ...], **flags: Any) -> tuple[Arm, ...]:
    """Returns the dense arm and one for every sparsity."""
    return (dense(agent, **flags), *(pruned(agent, sparsity, **flags) for sparsity in sparsities))
