"""Frames, agent steps, gradient steps: the only place that converts.

A *frame* is one emulator frame, an *agent step* one decision (``frame_skip`` frames), a *gradient
step* one optimizer update; in continuous control a frame is an agent step, and in offline runs both are
a gradient step. With several environments
side by side, a *vector step* is one agent step in each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from tf_pruned_rl.config import Config


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


@dataclass(frozen=True)
class Budget:
    """A run's length in every unit."""

    frames: int
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
    steps = cycle(config.learning.replay_ratio, config.environment.num_envs)
    per_cycle = steps.agent_steps
    warmup = -(-config.replay.min_replay_history // per_cycle) * per_cycle
    wanted = config.run.total_frames // config.frames_per_step
    agent_steps = max(wanted // per_cycle * per_cycle, warmup)
    nominal = agent_steps // per_cycle * steps.gradient_steps
    target_period = config.learning.target_update_period * config.learning.replay_ratio
    return Budget(
        frames=agent_steps * config.frames_per_step,
        agent_steps=agent_steps,
        warmup_agent_steps=warmup,
        gradient_steps=(agent_steps - warmup) // per_cycle * steps.gradient_steps,
        nominal_gradient_steps=nominal,
        prune_begin=round(config.pruning.prune_start * nominal),
        prune_end=round(config.pruning.prune_end * nominal),
        target_update_gradient_steps=max(1, round(target_period)),
        cycle=steps,
    )
