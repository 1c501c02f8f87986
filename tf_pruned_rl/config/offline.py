"""The groups of a configuration that only offline runs have; they count in gradient steps."""

from __future__ import annotations

from dataclasses import dataclass

from tf_pruned_rl.config.groups import AnyRunConfig, DiagnosticsConfig
from tf_pruned_rl.config.rules import number, word


@dataclass(frozen=True)
class DataConfig:
    """The data, and how much of them is learned from: the replay of an offline run."""

    data: str = ""
    """Directory (or gs:// address) with GAME/RUN/replay_logs in the files of the DQN Replay Dataset."""
    dataset_run: int = number(1, at_least=1)
    """Which of the runs on the game; the published data have 1 to 5."""
    data_fraction: float = number(0.05, above=0, at_most=1)
    """Share of the data that is learned from: one stretch of every buffer, in (0, 1]."""
    data_sample: str = word("random", "random", "first")
    """Where that stretch lies: random (by the seed), or first (the beginning, as Dopamine's loader)."""
    replay_capacity: int = number(2_500_000, at_least=1)
    """Most transitions in memory at a time; if the sample is larger, they are replaced little by little."""
    reload_every: int = number(62_500, at_least=1)
    """Gradient steps in which all of the memory is replaced once, if the sample is larger than it."""


@dataclass(frozen=True)
class OfflineDiagnosticsConfig(DiagnosticsConfig):
    """The same in offline runs."""

    diagnostics_every: int = number(20_000, at_least=1)
    """Gradient steps between measurements."""


@dataclass(frozen=True)
class OfflineRunConfig(AnyRunConfig):
    """How long, how often, where."""

    iterations: int = number(200, at_least=1, limit=1_000_000)
    """Length of the run, in iterations."""
    iteration_steps: int = number(62_500, at_least=1)
    """Gradient steps of an iteration."""
    checkpoint_every: int = number(62_500, above=0)
    """Gradient steps between checkpoints."""
    log_every: int = number(2_500, above=0)
    """Gradient steps between lines in metrics.jsonl and TensorBoard."""
    eval_every: int = number(62_500)
    """Gradient steps between evaluation phases, the last at the end of the run; 0: none."""
    eval_episodes: int = number(0, limit=1_000_000)
    """Episodes of an evaluation phase; 0: play eval_steps instead."""
    eval_steps: int = number(125_000, at_least=1)
    """Agent steps of an evaluation phase that is not counted in episodes."""
    eval_epsilon: float = number(0.001, at_most=1)
    """Probability of a random action when evaluating."""
    seed: int = number(0, below=2**31)
    """Seed of everything random, the choice of the sample included."""
