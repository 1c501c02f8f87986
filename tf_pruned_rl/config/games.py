"""The groups of a configuration that runs on games have; offline runs share the first three."""

from __future__ import annotations

from dataclasses import dataclass

from tf_pruned_rl.config.groups import AnyRunConfig
from tf_pruned_rl.config.rules import number, word
from tf_pruned_rl.registry import LOSSES, NETWORKS, REGULARIZERS, REPLAY_SAMPLINGS, SUITES


@dataclass(frozen=True)
class EnvironmentConfig:
    """The game, and the protocol by which it is played."""

    suite: str = word("atari", SUITES)
    """Where the game comes from."""
    game: str = "Pong"
    """Game of the suite, as the Arcade Learning Environment spells it (for example Breakout, MsPacman)."""
    num_envs: int = number(1, at_least=1, limit=1_024)
    """Copies of the game played side by side; above 1 they run in ale-py's C++ vector environment."""
    sticky_actions: float = number(0.25, below=1)
    """Probability, per emulator frame, that the previous action is repeated instead."""
    frame_skip: int = number(4, at_least=1, limit=1_000)
    """Emulator frames per agent step; the observation is the maximum of the last two."""
    max_episode_steps: int = number(27_000, at_least=1)
    """Agent steps after which an episode is truncated, which is not a terminal state."""
    terminal_on_life_loss: bool = False
    """Learn from a lost life as from the end of the game; the reported returns are of whole games."""
    max_noops: int = number(0, limit=10_000)
    """A game starts with a random number of no-op agent steps below this, which are not counted; 0: none."""


@dataclass(frozen=True)
class NetworkConfig:
    """The Q-network."""

    network: str = word("impala", NETWORKS)
    """Torso of the network."""
    width: float = number(1.0, at_least=0.25, limit=64)
    """Multiplies the channels of every convolution; at least 0.25."""
    mixed_precision: bool = False
    """Compute in bfloat16, with float32 weights, loss and projection."""
    dueling: bool = False
    """Sum a state's value and the actions' advantages, less their mean (Wang et al., 2016)."""
    noisy: bool = False
    """Noisy dense layers (Fortunato et al., 2018) explore, and epsilon is constant."""
    regularizer: str = word("none", REGULARIZERS)
    """What keeps weights or features small."""


@dataclass(frozen=True)
class LearningConfig:
    """The learning rule."""

    loss: str = word("mse", LOSSES)
    """Temporal-difference loss."""
    gamma: float = number(0.99, at_most=1)
    """Discount per agent step."""
    n_step: int = number(1, at_least=1, limit=1_000)
    """Rewards summed before bootstrapping, in agent steps."""
    batch_size: int = number(32, at_least=1, limit=65_536)
    """Transitions per gradient step."""
    # units.cycle counts in thousandths.
    replay_ratio: float = number(0.25, at_least=0.001, limit=256)
    """Gradient steps per agent step."""
    double_q: bool = False
    """Choose the next action by the online network, value it by the target (van Hasselt et al., 2016)."""
    cql_alpha: float = number(0.0)
    """Weight of conservative Q-learning's term, log sum exp Q(s, .) - Q(s, a), in the loss; 0: no term."""
    augmentation: bool = False
    """Learn from randomly shifted and brightened observations (Kostrikov et al., 2021)."""
    learning_rate: float = number(6.25e-5, above=0)
    """Adam's step size."""
    adam_epsilon: float = number(1.5e-4, above=0)
    """Added to the square root of Adam's bias-corrected second moment."""
    target_update_period: int = number(8_000, at_least=1)
    """Agent steps between hard copies of the online network to the target network."""
    epsilon_train: float = number(0.01, at_most=1)
    """Probability of a random action once exploration has decayed; with noisy layers always."""
    epsilon_decay_period: int = number(250_000, at_least=1)
    """Agent steps over which epsilon falls linearly from 1, after the replay warm-up."""
    num_atoms: int = number(51, at_least=2, limit=4_096)
    """Atoms of the value distribution (c51 only)."""
    v_max: float = number(10.0, above=0)
    """The distribution's support is [-v_max, v_max] (c51 only)."""


@dataclass(frozen=True)
class ReplayConfig:
    """The replay buffer."""

    replay_capacity: int = number(1_000_000, at_least=1)
    """Agent steps kept, over all environments together."""
    min_replay_history: int = number(20_000)
    """Agent steps collected before the first gradient step."""
    replay_sampling: str = word("uniform", REPLAY_SAMPLINGS)
    """Which transitions are sampled."""
    log_replay: str = ""
    """Directory to write every transition to, as DIR/GAME/RUN/replay_logs in the files of the DQN Replay
    Dataset, RUN being the seed + 1; empty: nothing is written."""
    log_capacity: int = number(1_000_000, at_least=10)
    """Transitions per file of that log, the empty ones before each episode included."""


@dataclass(frozen=True)
class RunConfig(AnyRunConfig):
    """How long, how often, where."""

    total_frames: int = number(40_000_000, above=0)
    """Length of the run, in emulator frames (4 frames make an agent step)."""
    iteration_frames: int = number(1_000_000, above=0)
    """Frames per iteration: one reported mean training return each."""
    checkpoint_every: int = number(1_000_000, above=0)
    """Frames between checkpoints."""
    log_every: int = number(16_000, above=0)
    """Frames between lines in metrics.jsonl and TensorBoard."""
    eval_every: int = number(0)
    """Frames between evaluation phases, the last at the end of the run; 0: none, as for the paper's DQN."""
    eval_episodes: int = number(0, limit=1_000_000)
    """Episodes of an evaluation phase; 0: play eval_steps instead."""
    eval_steps: int = number(125_000, at_least=1)
    """Agent steps of an evaluation phase that is not counted in episodes."""
    eval_epsilon: float = number(0.001, at_most=1)
    """Probability of a random action when evaluating."""
