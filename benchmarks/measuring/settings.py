"""What every contender is asked to run; standard library only, because the peers read it too."""

from __future__ import annotations

import dataclasses
from typing import ClassVar


@dataclasses.dataclass(frozen=True)
class Settings:
    """The learning problem, the same for all, and the variants that only this project has."""

    peak_of: ClassVar[str] = "convolution"
    """What runs fastest on a machine, of what the networks are made of."""

    agent: str = "dqn"
    """dqn, or rainbow (C51; with prioritized replay where the contender has it)."""
    network: str = "impala"
    """impala or nature, both with SAME padding and a dense layer of 512."""
    width: float = 1.0
    """Multiplies the channels of the convolutions."""
    game: str = "Pong"
    """Atari game: 4 frames per step, sticky actions 0.25, 84 x 84 x 4."""
    batch_size: int = 32
    """Transitions per gradient step."""
    replay_ratio: float = 0.25
    """Gradient steps per agent step."""
    replay_capacity: int = 100_000
    """Agent steps kept."""
    warmup: int = 1_000
    """Agent steps collected before the first gradient step."""
    num_envs: int = 1
    """Environments side by side (ours only)."""
    pruned: bool = False
    """In the middle of the pruning window (ours only)."""
    mixed_precision: bool = False
    """bfloat16 compute (ours only)."""
    hollow: bool = False
    """Network and emulator replaced by constants: what is left is everything else (ours only)."""
    threads: int = 0
    """Threads of the numeric library; 0 leaves its own choice, every core."""

    @property
    def title(self) -> str:
        """What is run, for the head of a table."""
        return (
            f"{self.agent}, {self.network} width {self.width:g}, {self.game}, batch {self.batch_size}, "
            f"replay ratio {self.replay_ratio:g}, replay {self.replay_capacity:,}"
        )

    @property
    def n_step(self) -> int:
        """Rewards summed before bootstrapping: Dopamine's Rainbow has 3."""
        return 3 if self.agent == "rainbow" else 1

    @property
    def gradient_every(self) -> int:
        """Agent steps per gradient step."""
        return max(1, round(1 / self.replay_ratio))


@dataclasses.dataclass(frozen=True)
class ControlSettings:
    """Soft Actor-Critic on a task of continuous control; every contender starts with random actions."""

    peak_of: ClassVar[str] = "matrix product"
    """As in ``Settings``."""
    n_step: ClassVar[int] = 1
    """Rewards summed before bootstrapping."""

    env: str = "HalfCheetah-v5"
    """Gymnasium's id."""
    width: float = 1.0
    """Multiplies the 256 units of both hidden layers, in the actor and in both critics."""
    batch_size: int = 256
    """Transitions per gradient step."""
    replay_ratio: float = 1.0
    """Gradient steps per environment step: 1, or one over a whole number."""
    replay_capacity: int = 100_000
    """Environment steps kept."""
    warmup: int = 1_000
    """Environment steps collected before the first gradient step."""
    num_envs: int = 1
    """Environments side by side (ours only)."""
    pruned: bool = False
    """In the middle of the pruning window (ours only)."""
    threads: int = 0
    """Threads of the numeric library; 0 leaves each contender its own choice."""

    @property
    def title(self) -> str:
        """What is run, for the head of a table."""
        return (
            f"sac, {self.units}x{self.units}, {self.env}, batch {self.batch_size}, "
            f"replay ratio {self.replay_ratio:g}, replay {self.replay_capacity:,}"
        )

    @property
    def gradient_every(self) -> int:
        """Environment steps per gradient step."""
        return max(1, round(1 / self.replay_ratio))

    @property
    def units(self) -> int:
        """Units of a hidden layer."""
        return int(HIDDEN_UNITS * self.width)


AnySettings = Settings | ControlSettings

# What every contender in continuous control is given and nobody varies.
HIDDEN_UNITS = 256
SAC_LEARNING_RATE = 3e-4
SAC_TAU = 0.005

# Values that every contender is given and nobody varies; Dopamine's.
GAMMA = 0.99
LEARNING_RATE = 6.25e-5
ADAM_EPSILON = 1.5e-4
EPSILON = 0.01
TARGET_UPDATE_AGENT_STEPS = 8_000
NUM_ATOMS = 51
V_MAX = 10.0
DENSE_UNITS = 512
NATURE_CONVOLUTIONS = ((32, 8, 4), (64, 4, 2), (64, 3, 1))
"""(channels at width 1, kernel, stride)."""
IMPALA_STACKS = (16, 32, 32)
"""Channels at width 1; each stack is a convolution, a max-pool and two residual blocks of two."""


def channels(at_width_1: int, width: float) -> int:
    """Returns the channels of a convolution at ``width``."""
    return max(1, round(at_width_1 * width))
