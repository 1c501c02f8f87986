"""The groups of a configuration that only continuous control has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tf_pruned_rl.config.groups import AnyRunConfig


@dataclass(frozen=True)
class ControlConfig:
    """The task of continuous control."""

    env: str = "HalfCheetah-v5"
    """Any gymnasium environment with Box observations and actions (Walker2d is Walker2d-v5)."""
    num_envs: int = 1
    """Copies of the environment side by side."""
    max_episode_steps: int = 0
    """Environment steps after which an episode is cut (truncated); 0 takes the environment's own limit."""

    frame_skip: ClassVar[int] = 1

    @property
    def game(self) -> str:
        """What is played, for names and reports."""
        return self.env


@dataclass(frozen=True)
class MlpConfig:
    """The actor and the two critics."""

    width: float = 1.0
    """Multiplies the 256 units of both hidden layers, in the actor and in the critics; at least 0.25."""
    regularizer: str = "none"
    """none or weight_decay (beside the L2 of --weight_decay, which is part of the losses)."""

    network: ClassVar[str] = "mlp"


@dataclass(frozen=True)
class SacConfig:
    """Soft Actor-Critic (Haarnoja et al., 2018), with the numbers of Graesser et al. (2022)."""

    gamma: float = 0.99
    """Discount per environment step."""
    n_step: int = 1
    """Rewards summed before bootstrapping, in environment steps."""
    batch_size: int = 256
    """Transitions per gradient step."""
    replay_ratio: float = 1.0
    """Gradient steps per environment step."""
    actor_learning_rate: float = 3e-4
    """Adam's step size for the actor."""
    critic_learning_rate: float = 3e-4
    """Adam's step size for the critics."""
    alpha_learning_rate: float = 3e-4
    """Adam's step size for the logarithm of the entropy temperature."""
    adam_epsilon: float = 1e-7
    """Added to the square root of Adam's bias-corrected second moment."""
    tau: float = 0.005
    """Share of the online critics in the target critics' moving average, per gradient step."""
    reward_scale: float = 0.1
    """Multiplies the rewards that are learned from; reported returns are not scaled."""
    initial_alpha: float = 1.0
    """Entropy temperature at the start; it is learned."""
    target_entropy: float = -0.5
    """Entropy the temperature steers to, in nats per dimension of the action."""
    weight_decay: float = 1e-4
    """Weight of the sum of squared kernel weights in the actor's and the critics' losses; 0 is none."""

    @property
    def target_update_period(self) -> float:
        """Environment steps between updates of the target critics: one gradient step."""
        return 1 / self.replay_ratio


@dataclass(frozen=True)
class TransitionConfig:
    """The replay buffer of transitions."""

    replay_capacity: int = 1_000_000
    """Environment steps kept, over all environments together; a truncation takes one more."""
    min_replay_history: int = 1_000
    """Environment steps with uniformly random actions, before the first gradient step."""


@dataclass(frozen=True)
class ControlRunConfig(AnyRunConfig):
    """How long, how often, where."""

    total_steps: int = 1_000_000
    """Length of the run, in environment steps."""
    iteration_steps: int = 10_000
    """Environment steps per iteration: one reported mean training return each."""
    checkpoint_every: int = 50_000
    """Environment steps between checkpoints."""
    log_every: int = 1_000
    """Environment steps between lines in metrics.jsonl and TensorBoard."""
    eval_every: int = 10_000
    """Environment steps between evaluation phases; 0 turns them off."""
    eval_episodes: int = 30
    """Episodes of an evaluation phase, with the most likely actions, side by side."""

    @property
    def total_frames(self) -> int:
        """The same, by the name that the training loop knows."""
        return self.total_steps

    @property
    def iteration_frames(self) -> int:
        """The same, by the name that the training loop knows."""
        return self.iteration_steps
