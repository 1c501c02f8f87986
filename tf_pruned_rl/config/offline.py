"""The parts of a configuration that an offline run has of its own; it counts in gradient steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tf_pruned_rl.config.groups import AnyRunConfig, DiagnosticsConfig


@dataclass(frozen=True)
class DataConfig:
    """The data, and how much of them is learned from: the replay of an offline run."""

    data: str = ""
    """Directory (or gs:// address) with GAME/RUN/replay_logs in the files of the DQN Replay Dataset."""
    dataset_run: int = 1
    """Which of the runs on the game; the published data have 1 to 5."""
    data_fraction: float = 0.05
    """Share of the data that is learned from: one stretch of every buffer, in (0, 1]."""
    data_sample: str = "random"
    """Where that stretch lies: random (by the seed), or first (the beginning, as Dopamine's loader)."""
    replay_capacity: int = 2_500_000
    """Most transitions in memory at a time; if the sample is larger, they are replaced little by little."""
    reload_every: int = 62_500
    """Gradient steps in which all of the memory is replaced once, if the sample is larger than it."""

    min_replay_history: ClassVar[int] = 0
    log_replay: ClassVar[str] = ""


@dataclass(frozen=True)
class OfflineDiagnosticsConfig(DiagnosticsConfig):
    """The same in offline runs."""

    diagnostics_every: int = 20_000
    """Gradient steps between measurements."""


@dataclass(frozen=True)
class OfflineRunConfig(AnyRunConfig):
    """How long, how often, where."""

    iterations: int = 200
    """Length of the run, in iterations."""
    iteration_steps: int = 62_500
    """Gradient steps of an iteration."""
    checkpoint_every: int = 62_500
    """Gradient steps between checkpoints."""
    log_every: int = 2_500
    """Gradient steps between lines in metrics.jsonl and TensorBoard."""
    eval_every: int = 62_500
    """Gradient steps between evaluation phases, the last at the end of the run; 0 is none."""
    eval_episodes: int = 0
    """Episodes of an evaluation phase; 0 goes by eval_steps instead."""
    eval_steps: int = 125_000
    """Agent steps of an evaluation phase that goes by steps."""
    eval_epsilon: float = 0.001
    """Probability of a random action when evaluating."""
    seed: int = 0
    """Seed of everything random, the choice of the sample included."""

    @property
    def total_frames(self) -> int:
        """The run's length in gradient steps, by the name that the training loop knows."""
        return self.iterations * self.iteration_steps

    @property
    def iteration_frames(self) -> int:
        """An iteration's, likewise."""
        return self.iteration_steps
