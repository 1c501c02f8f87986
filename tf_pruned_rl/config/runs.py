"""The experiment, as frozen dataclasses.

Every field has a docstring below it. The flags of the commands, their ``--help`` and the
``config.json`` of a run directory are all made from these classes (see ``flags.py``), so a new
hyper-parameter is one field here and nothing else. Names are unique across the groups: the flag
of a field is its name.

There are three kinds: ``ExperimentConfig`` for games, ``OfflineConfig`` for learning Atari games from
fixed data, and ``ContinuousConfig`` for continuous control. What depends on the kind is made by functions
that go by the type of the configuration; everything else reads what all have. Groups that several have
lie in ``config_pruning.py``, ``config_run.py`` and ``config_studies.py``, those of one kind alone in
``config_control.py`` and ``config_offline.py``.

Budgets are in emulator frames, as in the paper; everything that counts decisions is in agent
steps; pruning counts gradient steps. ``units.py`` converts. In continuous control a frame, an agent
step and a step of the environment are the same, and the user is told "steps". In an offline run a frame
and an agent step are a gradient step: nothing else is made but those.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

from tf_pruned_rl.config import presets as tables
from tf_pruned_rl.config.control import (
    ControlConfig,
    ControlRunConfig,
    MlpConfig,
    SacConfig,
    TransitionConfig,
)
from tf_pruned_rl.config.groups import (
    AnyRunConfig,
    ControlDiagnosticsConfig,
    ControlPruningConfig,
    DiagnosticsConfig,
    InterventionConfig,
    PruningConfig,
)
from tf_pruned_rl.config.offline import DataConfig, OfflineDiagnosticsConfig, OfflineRunConfig


@dataclass(frozen=True)
class EnvironmentConfig:
    """The game and the protocol it is played under."""

    suite: str = "atari"
    """atari (the Arcade Learning Environment), or minatar (five of its games on 10x10 cells)."""
    game: str = "Pong"
    """Game of the suite, as the Arcade Learning Environment spells it (for example Breakout, MsPacman)."""
    num_envs: int = 1
    """Copies of the game played side by side; above 1 they run in ale-py's C++ vector environment."""
    sticky_actions: float = 0.25
    """Probability, per emulator frame, that the previous action is repeated instead."""
    frame_skip: int = 4
    """Emulator frames per agent step; the observation is the maximum of the last two."""
    max_episode_steps: int = 27_000
    """Agent steps after which an episode is cut (a truncation, not a terminal state)."""
    terminal_on_life_loss: bool = False
    """Learn from a lost life as from the end of the game; the reported returns are of whole games."""
    max_noops: int = 0
    """A game starts with a random number of idle agent steps below this, which count nowhere; 0 is none."""


@dataclass(frozen=True)
class NetworkConfig:
    """The Q-network."""

    network: str = "impala"
    """Torso: impala (the 15-layer ResNet), nature (the three-layer DQN network of Atari), or minatar (the
    single convolution of MinAtar)."""
    width: float = 1.0
    """Multiplies the channels of every convolution; at least 0.25."""
    mixed_precision: bool = False
    """Compute in bfloat16, with float32 weights, loss and projection."""
    dueling: bool = False
    """Sum a state's value and the actions' advantages, less their mean (Wang et al., 2016)."""
    noisy: bool = False
    """Noisy dense layers (Fortunato et al., 2018); they explore; epsilon is constant."""
    regularizer: str = "none"
    """none, weight_decay, or l2_unit (the last hidden layer's output is scaled to Euclidean norm 1)."""


@dataclass(frozen=True)
class LearningConfig:
    """The learning rule."""

    loss: str = "mse"
    """Temporal-difference loss: mse, huber (delta 1) or c51 (categorical cross-entropy)."""
    gamma: float = 0.99
    """Discount per agent step."""
    n_step: int = 1
    """Rewards summed before bootstrapping, in agent steps."""
    batch_size: int = 32
    """Transitions per gradient step."""
    replay_ratio: float = 0.25
    """Gradient steps per agent step."""
    double_q: bool = False
    """Choose the next action by the online network, value it by the target (van Hasselt et al., 2016)."""
    cql_alpha: float = 0.0
    """Weight of conservative Q-learning's term, log sum exp Q(s, .) - Q(s, a), in the loss; 0 is none."""
    augmentation: bool = False
    """Learn from randomly shifted and brightened observations (Kostrikov et al., 2021)."""
    learning_rate: float = 6.25e-5
    """Adam's step size."""
    adam_epsilon: float = 1.5e-4
    """Added to the square root of Adam's bias-corrected second moment."""
    target_update_period: int = 8_000
    """Agent steps between hard copies of the online network to the target network."""
    epsilon_train: float = 0.01
    """Probability of a random action once exploration has decayed; with noisy layers always."""
    epsilon_decay_period: int = 250_000
    """Agent steps over which epsilon falls linearly from 1, after the replay warm-up."""
    num_atoms: int = 51
    """Atoms of the value distribution (c51 only)."""
    v_max: float = 10.0
    """The distribution's support is [-v_max, v_max] (c51 only)."""


@dataclass(frozen=True)
class ReplayConfig:
    """The replay buffer."""

    replay_capacity: int = 1_000_000
    """Agent steps kept, over all environments together."""
    min_replay_history: int = 20_000
    """Agent steps collected before the first gradient step."""
    replay_sampling: str = "uniform"
    """uniform, or prioritized (by the square root of the loss, importance weights with exponent 1/2)."""
    log_replay: str = ""
    """Directory to write every transition to, as DIR/GAME/RUN/replay_logs in the files of the DQN Replay
    Dataset, RUN being the seed + 1; empty writes none."""
    log_capacity: int = 1_000_000
    """Transitions per file of that log, the empty ones before each episode included."""


@dataclass(frozen=True)
class RunConfig(AnyRunConfig):
    """How long, how often, where."""

    total_frames: int = 40_000_000
    """Length of the run, in emulator frames (4 frames make an agent step)."""
    iteration_frames: int = 1_000_000
    """Frames per iteration: one reported mean training return each."""
    checkpoint_every: int = 1_000_000
    """Frames between checkpoints."""
    log_every: int = 16_000
    """Frames between lines in metrics.jsonl and TensorBoard."""
    eval_every: int = 0
    """Frames between evaluation phases, the last at the end of the run; 0 is none, as for the paper's DQN."""
    eval_episodes: int = 0
    """Episodes of an evaluation phase; 0 goes by eval_steps instead."""
    eval_steps: int = 125_000
    """Agent steps of an evaluation phase that goes by steps."""
    eval_epsilon: float = 0.001
    """Probability of a random action when evaluating."""


@dataclass(frozen=True)
class ExperimentConfig:
    """One run on a game, of Atari or MinAtar, whole."""

    unit: ClassVar[str] = "frames"
    """What the user counts a run's length in."""
    budget_field: ClassVar[str] = "total_frames"
    """The field that holds it."""
    task_field: ClassVar[str] = "game"
    """The field that says what is played."""

    agent: str = "dqn"
    """The agent whose preset fills in the other defaults."""
    preset: str = "paper"
    """paper (the published setting), atari100k (100,000 agent steps), or quick (minutes on a laptop)."""
    environment: EnvironmentConfig = field(default_factory=EnvironmentConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    learning: LearningConfig = field(default_factory=LearningConfig)
    replay: ReplayConfig = field(default_factory=ReplayConfig)
    pruning: PruningConfig = field(default_factory=PruningConfig)
    intervention: InterventionConfig = field(default_factory=InterventionConfig)
    diagnostics: DiagnosticsConfig = field(default_factory=DiagnosticsConfig)
    run: RunConfig = field(default_factory=RunConfig)

    @property
    def frames_per_step(self) -> int:
        """Frames, as the run's length counts them, in one of its steps."""
        return self.environment.frame_skip


@dataclass(frozen=True)
class OfflineConfig(ExperimentConfig):
    """One run that learns an Atari game from fixed data, whole; the environment is for evaluation."""

    unit: ClassVar[str] = "gradient steps"
    budget_field: ClassVar[str] = "iterations"
    frames_per_step: ClassVar[int] = 1

    agent: str = "cql"
    """The agent whose preset fills in the other defaults."""
    preset: str = "paper"
    """paper (the published setting), or quick (minutes on a laptop)."""
    replay: DataConfig = field(default_factory=DataConfig)
    diagnostics: OfflineDiagnosticsConfig = field(default_factory=OfflineDiagnosticsConfig)
    run: OfflineRunConfig = field(default_factory=OfflineRunConfig)


@dataclass(frozen=True)
class ContinuousConfig:
    """One run of continuous control, whole."""

    unit: ClassVar[str] = "steps"
    """What the user counts a run's length in."""
    budget_field: ClassVar[str] = "total_steps"
    """The field that holds it."""
    task_field: ClassVar[str] = "env"
    """The field that says what is played."""
    frames_per_step: ClassVar[int] = 1
    """A frame is a step of the environment."""

    agent: str = "sac"
    """The agent."""
    preset: str = "paper"
    """paper (the published setting), or quick (a few minutes on a laptop)."""
    environment: ControlConfig = field(default_factory=ControlConfig)
    network: MlpConfig = field(default_factory=MlpConfig)
    learning: SacConfig = field(default_factory=SacConfig)
    replay: TransitionConfig = field(default_factory=TransitionConfig)
    pruning: ControlPruningConfig = field(default_factory=ControlPruningConfig)
    intervention: InterventionConfig = field(default_factory=InterventionConfig)
    diagnostics: ControlDiagnosticsConfig = field(default_factory=ControlDiagnosticsConfig)
    run: ControlRunConfig = field(default_factory=ControlRunConfig)


Config = ExperimentConfig | ContinuousConfig | OfflineConfig
"""One run, whole, of any kind."""
_Kind = TypeVar("_Kind", ExperimentConfig, ContinuousConfig, OfflineConfig)

SUITES = ("atari", "minatar")
"""Where games come from."""
AGENTS = ("dqn", "rainbow", "der", "drq_eps")
"""The agents that play games."""
CONTROL_AGENTS = ("sac",)
"""The agents of continuous control."""
OFFLINE_AGENTS = ("cql", "cql_c51")
"""The agents that learn Atari games from fixed data."""
PRESETS = ("paper", "atari100k", "quick")
"""The presets of runs on games."""
CONTROL_PRESETS = ("paper", "quick")
"""The presets of continuous control, and of offline runs."""
GROUPS = tuple(f.name for f in dataclasses.fields(ExperimentConfig) if f.default is dataclasses.MISSING)
"""The parts of a configuration of any kind."""
_KINDS = dict.fromkeys(CONTROL_AGENTS, ContinuousConfig) | dict.fromkeys(OFFLINE_AGENTS, OfflineConfig)


def kind(agent: str) -> type[Config]:
    """Returns the kind of configuration that ``agent`` has."""
    return _KINDS.get(agent, ExperimentConfig)


def agent_names(of: type[Config]) -> tuple[str, ...]:
    """Returns the agents that have a configuration of this kind."""
    return tuple(agent for agent in tables.AGENTS if kind(agent) is of)


def preset_names(of: type[Config]) -> tuple[str, ...]:
    """Returns the presets of a kind of configuration."""
    return PRESETS if of is ExperimentConfig else CONTROL_PRESETS


def replace(config: _Kind, **changes: object) -> _Kind:
    """Returns ``config`` with fields changed by their flat names, whatever group they are in.

    Raises:
      KeyError: a name is no field.
    """
    top = {name: changes.pop(name) for name in ("agent", "preset") if name in changes}
    for group in GROUPS:
        part = getattr(config, group)
        mine = {f.name: changes.pop(f.name) for f in dataclasses.fields(part) if f.name in changes}
        top[group] = dataclasses.replace(part, **mine)
    if changes:
        raise KeyError(f"no such field: {', '.join(sorted(changes))}")
    return dataclasses.replace(config, **top)


def preset(agent: str, name: str = "paper", suite: str = "atari") -> Config:
    """Returns the configuration of ``agent`` under the preset ``name``, for games of ``suite``."""
    of = kind(agent)
    config = replace(of(agent=agent, preset=name), **tables.AGENTS[agent])
    if suite == "minatar" and of is ExperimentConfig:
        config = replace(config, suite=suite, **tables.MINATAR | tables.MINATAR_AGENTS.get(agent, {}))
    if name == "atari100k":
        return replace(config, **tables.ATARI_100K)
    if name == "quick":
        quick = {ContinuousConfig: tables.QUICK_CONTROL, OfflineConfig: tables.QUICK_OFFLINE}
        lengths = quick.get(of, tables.QUICK)
        now = flatten(config)
        # It only ever shortens.
        return replace(config, **{field: min(value, now[field]) for field, value in lengths.items()})
    return config


def flatten(config: Config) -> dict[str, object]:
    """Returns {field name: value} over all groups, in order."""
    flat: dict[str, object] = {"agent": config.agent, "preset": config.preset}
    for group in GROUPS:
        flat.update(vars(getattr(config, group)))
    return flat
