"""Frames, agent steps, gradient steps: the only place that converts.

A *frame* is one emulator frame, an *agent step* one decision (``frame_skip`` frames), a *gradient
step* one optimizer update; in continuous control a frame is an agent step, and in offline runs both are
a gradient step. With several environments side by side, a *vector step* is one agent step in each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from tf_pruned_rl.config import Config, ContinuousConfig, ExperimentConfig, OfflineConfig, kinds


@dataclass(frozen=True)
class Cycle:
    """The smallest whole number of steps that keeps the replay ratio exactly."""

    vector_steps: int
    """Vector steps of the environments, before the gradient steps."""
    gradient_steps: int
    """Gradient steps that follow them."""
    num_envs: int
    """Environments side by side."""

    @property
    def agent_steps(self) -> int:
        """Agent steps per cycle, over all environments."""
        return self.vector_steps * self.num_envs


def cycle(replay_ratio: float, num_envs: int) -> Cycle:
    """Returns the cycle whose gradient steps / agent steps is ``replay_ratio``.

    >>> cycle(0.25, 1)
    Cycle(vector_steps=4, gradient_steps=1, num_envs=1)
    >>> cycle(0.25, 8)
    Cycle(vector_steps=1, gradient_steps=2, num_envs=8)
    """
    per_vector_step = Fraction(replay_ratio).limit_denominator(1000) * num_envs
    return Cycle(per_vector_step.denominator, per_vector_step.numerator, num_envs)


class _Lengths(NamedTuple):
    """The lengths of a configuration, by the same names for every kind."""

    run: int
    """Frames."""
    iteration: int
    """Frames."""
    warmup: int
    """Agent steps."""
    target_period: float
    """Agent steps between updates of the target network."""


def _online(config: ExperimentConfig) -> _Lengths:
    run = config.run
    warmup, target_period = config.replay.min_replay_history, config.learning.target_update_period
    return _Lengths(run.total_frames, run.iteration_frames, warmup, target_period)


def _offline(config: OfflineConfig) -> _Lengths:
    run = config.run
    length = run.iterations * run.iteration_steps
    return _Lengths(length, run.iteration_steps, 0, config.learning.target_update_period)


def _continuous(config: ContinuousConfig) -> _Lengths:
    run = config.run
    # The target critics move at every gradient step.
    target_period = 1 / config.learning.replay_ratio
    return _Lengths(run.total_steps, run.iteration_steps, config.replay.min_replay_history, target_period)


_LENGTHS: dict[kinds.Kind, Callable[[Any], _Lengths]] = {
    kinds.ONLINE: _online,
    kinds.OFFLINE: _offline,
    kinds.CONTINUOUS: _continuous,
}


def length(config: Config) -> int:
    """Returns the length of the run in the unit of its kind, before it is rounded to whole cycles."""
    return _LENGTHS[config.kind](config).run


@dataclass(frozen=True)
class Budget:
    """A run's length in every unit."""

    frames: int
    iteration_frames: int
    """Frames of an iteration."""
    agent_steps: int
    warmup_agent_steps: int
    """Agent steps before the first gradient step."""
    gradient_steps: int
    """Gradient steps that will really be made: none during the warm-up."""
    nominal_gradient_steps: int
    """Agent steps x replay ratio. Pruning's fractions refer to this, as the paper's code does:
    40 M frames make 2.5 M, hence 500,000 to 2,000,000."""
    prune_begin: int
    """First gradient step at which masks change."""
    prune_end: int
    """Last gradient step at which masks change; sparsity is on target from here."""
    target_update_gradient_steps: int
    """Gradient steps between target-network updates."""
    cycle: Cycle


def budget(config: Config) -> Budget:
    """Converts the configuration's frames and fractions; agent steps are rounded down to cycles."""
    lengths = _LENGTHS[config.kind](config)
    steps = cycle(config.learning.replay_ratio, config.environment.num_envs)
    per_cycle = steps.agent_steps
    warmup = -(-lengths.warmup // per_cycle) * per_cycle
    agent_steps = max(lengths.run // config.frames_per_step // per_cycle * per_cycle, warmup)
    nominal = agent_steps // per_cycle * steps.gradient_steps
    return Budget(
        frames=agent_steps * config.frames_per_step,
        iteration_frames=lengths.iteration,
        agent_steps=agent_steps,
        warmup_agent_steps=warmup,
        gradient_steps=(agent_steps - warmup) // per_cycle * steps.gradient_steps,
        nominal_gradient_steps=nominal,
        prune_begin=round(config.pruning.prune_start * nominal),
        prune_end=round(config.pruning.prune_end * nominal),
        target_update_gradient_steps=max(1, round(lengths.target_period * config.learning.replay_ratio)),
        cycle=steps,
    )
