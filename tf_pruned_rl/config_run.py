"""What the runs of every kind have in common."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AnyRunConfig:
    """By which seed, how, where."""

    seed: int = 0
    """Seed of everything random."""
    deterministic: bool = False
    """Make every operation reproducible bit by bit, at some cost in speed."""
    jit_compile: bool = False
    """Compile the gradient step with XLA (for a GPU; on a CPU it is slower)."""
    threads: int = 0
    """CPU cores the run keeps busy; 0 is every core. Does not change the results' meaning."""
    run_dir: str = ""
    """Where everything is written; empty makes a name from the configuration, below runs/."""
