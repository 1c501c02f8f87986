"""The collector of a run, by its kind."""

from __future__ import annotations

import functools

from tf_pruned_rl.agents import DqnAgent, RainbowAgent, SacAgent
from tf_pruned_rl.config import Config, ContinuousConfig, ExperimentConfig, OfflineConfig
from tf_pruned_rl.environments import ControlEnvironment, Environment
from tf_pruned_rl.replay import FrameReplay, OfflineReplay, Replay, TransitionReplay
from tf_pruned_rl.training.collector import Collector
from tf_pruned_rl.training.control_collector import ControlCollector
from tf_pruned_rl.training.counter import Counter


@functools.singledispatch
def create(
    config: Config,
    environment: Environment,
    replay: Replay,
    agent: DqnAgent | RainbowAgent | SacAgent,
    *,
    seed: int,
) -> Collector | ControlCollector | Counter:
    """Returns what plays ``environment`` with ``agent`` and fills ``replay``, or what counts instead."""
    raise TypeError(f"no collector for a {type(config).__name__}")


@create.register
def _(
    config: ExperimentConfig,
    environment: Environment,
    replay: FrameReplay,
    agent: DqnAgent | RainbowAgent,
    *,
    seed: int,
) -> Collector:
    return Collector(config, environment, replay, agent.exploring_q_values, seed=seed)


@create.register
def _(
    config: OfflineConfig,
    environment: Environment,
    replay: OfflineReplay,
    agent: DqnAgent | RainbowAgent,
    *,
    seed: int,
) -> Counter:
    del config, environment, replay, agent, seed
    return Counter()


@create.register
def _(
    config: ContinuousConfig,
    environment: ControlEnvironment,
    replay: TransitionReplay,
    agent: SacAgent,
    *,
    seed: int,
) -> ControlCollector:
    return ControlCollector(config, environment, replay, agent, seed=seed)
