"""The three kinds of run as frozen dataclasses, and what can be done with any of them.

Every field stands in a group, has a docstring below it, and says beside its default which values it may
have (``rules.py``). The flags of the commands, their ``--help``, the checks and ``config.json`` are all
made from these classes, so a new hyper-parameter is one field and nothing else. Names are unique across
the groups: the flag of a field is its name.

``ExperimentConfig`` is a run on games, ``OfflineConfig`` one that learns Atari games from fixed data, and
``ContinuousConfig`` one of continuous control; ``kinds.py`` says what differs for those outside. The groups
of games are in ``games.py``, those of one other kind in ``control.py`` and ``offline.py``, those of every
kind in ``groups.py``.

Lengths are in emulator frames, as in the paper; decisions are counted in agent steps, and pruning in
gradient steps. ``units.py`` converts. In continuous control a frame and an agent step are a step of the
environment, which the user is told of as "steps"; in an offline run both are a gradient step.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

from tf_pruned_rl.config import kinds
from tf_pruned_rl.config.control import (
    ControlConfig,
    ControlDiagnosticsConfig,
    ControlPruningConfig,
    ControlRunConfig,
    MlpConfig,
    SacConfig,
    TransitionConfig,
)
from tf_pruned_rl.config.games import (
    EnvironmentConfig,
    LearningConfig,
    NetworkConfig,
    ReplayConfig,
    RunConfig,
)
from tf_pruned_rl.config.groups import DiagnosticsConfig, InterventionConfig, PruningConfig
from tf_pruned_rl.config.offline import DataConfig, OfflineDiagnosticsConfig, OfflineRunConfig
from tf_pruned_rl.config.presets import PRESETS
from tf_pruned_rl.config.rules import word
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import AGENTS, SUITES


@dataclass(frozen=True)
class _OnGames:
    """What runs on games have in common: all but where the experience comes from and how it is counted."""

    agent: str = word("dqn", AGENTS)
    """The agent whose preset fills in the other defaults."""
    preset: str = word("paper", PRESETS)
    """The setting that fills in the other defaults."""
    environment: EnvironmentConfig = field(default_factory=EnvironmentConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    learning: LearningConfig = field(default_factory=LearningConfig)
    pruning: PruningConfig = field(default_factory=PruningConfig)
    intervention: InterventionConfig = field(default_factory=InterventionConfig)


@dataclass(frozen=True)
class ExperimentConfig(_OnGames):
    """One run on a game, of Atari or MinAtar, whole."""

    kind: ClassVar[kinds.Kind] = kinds.ONLINE

    replay: ReplayConfig = field(default_factory=ReplayConfig)
    diagnostics: DiagnosticsConfig = field(default_factory=DiagnosticsConfig)
    run: RunConfig = field(default_factory=RunConfig)

    @property
    def frames_per_step(self) -> int:
        """Frames, in which the run's length is counted, per agent step."""
        return self.environment.frame_skip


@dataclass(frozen=True)
class OfflineConfig(_OnGames):
    """One run that learns an Atari game from fixed data, whole; the environment is for evaluation."""

    kind: ClassVar[kinds.Kind] = kinds.OFFLINE

    agent: str = word("cql", AGENTS)
    """The agent whose preset fills in the other defaults."""
    replay: DataConfig = field(default_factory=DataConfig)
    diagnostics: OfflineDiagnosticsConfig = field(default_factory=OfflineDiagnosticsConfig)
    run: OfflineRunConfig = field(default_factory=OfflineRunConfig)

    @property
    def frames_per_step(self) -> int:
        """One: a frame is a gradient step."""
        return 1


@dataclass(frozen=True)
class ContinuousConfig:
    """One run of continuous control, whole."""

    kind: ClassVar[kinds.Kind] = kinds.CONTINUOUS

    agent: str = word("sac", AGENTS)
    """The agent whose preset fills in the other defaults."""
    preset: str = word("paper", PRESETS)
    """The setting that fills in the other defaults."""
    environment: ControlConfig = field(default_factory=ControlConfig)
    network: MlpConfig = field(default_factory=MlpConfig)
    learning: SacConfig = field(default_factory=SacConfig)
    pruning: ControlPruningConfig = field(default_factory=ControlPruningConfig)
    intervention: InterventionConfig = field(default_factory=InterventionConfig)
    replay: TransitionConfig = field(default_factory=TransitionConfig)
    diagnostics: ControlDiagnosticsConfig = field(default_factory=ControlDiagnosticsConfig)
    run: ControlRunConfig = field(default_factory=ControlRunConfig)

    @property
    def frames_per_step(self) -> int:
        """One: a frame is a step of the environment."""
        return 1


Config = ExperimentConfig | ContinuousConfig | OfflineConfig
"""One run, whole, of any kind."""
GameConfig = ExperimentConfig | OfflineConfig
"""One run on a game, whole, of either kind."""
_Config = TypeVar("_Config", bound=Config)

CONFIGS: tuple[type[Config], ...] = (ExperimentConfig, OfflineConfig, ContinuousConfig)
"""The configurations of all kinds."""
GROUPS = ("environment", "network", "learning", "replay", "pruning", "intervention", "diagnostics", "run")
"""The parts of a configuration of any kind, in the order of its flags."""


def config_class(agent: str) -> type[Config]:
    """Returns the kind of configuration that ``agent`` has; that of games where there is no such agent.

    Raises:
      UserError: the agent is not registered for exactly one kind of run.
    """
    if agent not in AGENTS:
        return ExperimentConfig
    names = AGENTS.entry(agent).kinds
    kinds_of_it = [each for each in CONFIGS if each.kind.name in names]
    if len(names) != 1 or not kinds_of_it:
        allowed = ", ".join(each.kind.name for each in CONFIGS)
        raise UserError(f"agent {agent!r} is for kinds={names}: register it with one of {allowed}")
    return kinds_of_it[0]


def fields(of: type[Config]) -> dict[str, dataclasses.Field]:
    """Returns {flat name: field} of a kind of configuration, over all groups, in order."""
    parts = [getattr(of(), group) for group in GROUPS]
    top = {f.name: f for f in dataclasses.fields(of) if f.name not in GROUPS}
    return top | {f.name: f for part in parts for f in dataclasses.fields(part)}


def replace(config: _Config, **changes: object) -> _Config:
    """Returns ``config`` with fields changed by their flat names, whatever group they are in.

    Raises:
      KeyError: a name is no field.
    """
    top = {name: changes.pop(name) for name in ("agent", "preset") if name in changes}
    for group in GROUPS:
        part = getattr(config, group)
        own = {f.name: changes.pop(f.name) for f in dataclasses.fields(part) if f.name in changes}
        top[group] = dataclasses.replace(part, **own)
    if changes:
        raise KeyError(f"no such field: {', '.join(sorted(changes))}")
    return dataclasses.replace(config, **top)


def preset(agent: str, name: str = "paper", suite: str = "atari") -> Config:
    """Returns the configuration of ``agent`` under the preset ``name``, for games of ``suite``.

    Raises:
      UserError: there is no such agent, preset or suite.
    """
    of = config_class(agent)
    config = replace(of(agent=agent, preset=name), **AGENTS[agent])
    SUITES.entry(suite)  # a typing error is one for every agent
    if "suite" in fields(of) and suite in SUITES.names(of.kind.name):
        again = SUITES.fact(suite, "agents", {}).get(agent, {})
        config = replace(config, suite=suite, **{**SUITES[suite], **again})
    changes = PRESETS[name].get(of.kind.name, {})
    if PRESETS.fact(name, "shortens"):
        now = flatten(config)
        changes = {field: min(value, now[field]) for field, value in changes.items()}
    return replace(config, **changes)


def flatten(config: Config) -> dict[str, object]:
    """Returns {field name: value} over all groups, in order."""
    flat: dict[str, object] = {"agent": config.agent, "preset": config.preset}
    for group in GROUPS:
        flat.update(vars(getattr(config, group)))
    return flat
