"""The groups of a configuration that only continuous control has."""

from __future__ import annotations

from dataclasses import dataclass

from tf_pruned_rl.config.groups import AnyRunConfig, DiagnosticsConfig, PruningConfig
from tf_pruned_rl.config.rules import number, word
from tf_pruned_rl.registry import REGULARIZERS


@dataclass(frozen=True)
class ControlConfig:
    """The task of continuous control."""

    env: str = "HalfCheetah-v5"
    """Any gymnasium environment with Box observations and actions (Walker2d is Walker2d-v5)."""
    num_envs: int = number(1, at_least=1, limit=1_024)
    """Copies of the environment side by side."""
    max_episode_steps: int = number(0)
    """Environment steps after which an episode is truncated; 0: the environment's own limit."""

    @property
    def game(self) -> str:
        """What is played, for names and reports."""
        return self.env


@dataclass(frozen=True)
class MlpConfig:
    """The actor and the two critics."""

    width: float = number(1.0, at_least=0.25, limit=64)
    """Multiplies the 256 units of both hidden layers, in the actor and in the critics; at least 0.25."""
    regularizer: str = word("none", REGULARIZERS)
    """What keeps weights small, beside --l2_regularization."""

    @property
    def network(self) -> str:
        """What the network is, for names and reports."""
        return "mlp"


@dataclass(frozen=True)
class SacConfig:
    """Soft Actor-Critic (Haarnoja et al., 2018), with the numbers of Graesser et al. (2022)."""

    gamma: float = number(0.99, at_most=1)
    """Discount per environment step."""
    n_step: int = number(1, at_least=1, limit=1_000)
    """Rewards summed before bootstrapping, in environment steps."""
    batch_size: int = number(256, at_least=1, limit=65_536)
    """Transitions per gradient step."""
    replay_ratio: float = number(1.0, at_least=0.001, limit=256)
    """Gradient steps per environment step."""
    actor_learning_rate: float = number(3e-4, above=0)
    """Adam's step size for the actor."""
    critic_learning_rate: float = number(3e-4, above=0)
    """Adam's step size for the critics."""
    alpha_learning_rate: float = number(3e-4, above=0)
    """Adam's step size for the logarithm of the entropy temperature."""
    adam_epsilon: float = number(1e-7, above=0)
    """Added to the square root of Adam's bias-corrected second moment."""
    tau: float = number(0.005, above=0, at_most=1)
    """Share of the online critics in the target critics' moving average, per gradient step."""
    reward_scale: float = number(0.1, above=0)
    """Multiplies the rewards that are learned from; reported returns are not scaled."""
    initial_alpha: float = number(1.0, above=0)
    """Entropy temperature at the start; it is learned."""
    target_entropy: float = number(-0.5, at_least=None)
    """Entropy that the temperature steers to, in nats per dimension of the action."""
    l2_regularization: float = number(1e-4)
    """Weight of the sum of squared kernel weights in the losses of actor and critics; 0: no such term."""


@dataclass(frozen=True)
class TransitionConfig:
    """The replay buffer of transitions."""

    replay_capacity: int = number(1_000_000, at_least=1)
    """Environment steps kept, over all environments together; a truncation takes one more."""
    min_replay_history: int = number(1_000)
    """Environment steps with uniformly random actions, before the first gradient step."""


@dataclass(frozen=True)
class ControlPruningConfig(PruningConfig):
    """Pruning; the actor and the critics each distribute their zeros among their own layers."""

    prune_networks: str = word("all", "all", "actor", "critics")
    """Which networks are pruned."""
    prune_output_layers: bool = True
    """Prune the last layer of each network too."""


@dataclass(frozen=True)
class ControlDiagnosticsConfig(DiagnosticsConfig):
    """The same in continuous control."""

    diagnostics_every: int = number(20_000, at_least=1)
    """Environment steps between measurements."""


@dataclass(frozen=True)
class ControlRunConfig(AnyRunConfig):
    """How long, how often, where."""

    total_steps: int = number(1_000_000, above=0)
    """Length of the run, in environment steps."""
    iteration_steps: int = number(10_000, above=0)
    """Environment steps per iteration: one reported mean training return each."""
    checkpoint_every: int = number(50_000, above=0)
    """Environment steps between checkpoints."""
    log_every: int = number(1_000, above=0)
    """Environment steps between lines in metrics.jsonl and TensorBoard."""
    eval_every: int = number(10_000)
    """Environment steps between evaluation phases; 0: none."""
    eval_episodes: int = number(30, at_least=1, limit=1_024)
    """Episodes of an evaluation phase, with the most likely actions, side by side."""
