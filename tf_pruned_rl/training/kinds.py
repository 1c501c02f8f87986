"""The kinds of run, and what training makes for each: one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tf_pruned_rl.agents import DqnAgent, RainbowAgent
from tf_pruned_rl.config import Config, ContinuousConfig, ExperimentConfig, OfflineConfig
from tf_pruned_rl.environments import Environment
from tf_pruned_rl.policies.episodes import EpisodeResults
from tf_pruned_rl.replay import FrameReplay
from tf_pruned_rl.training import evaluation
from tf_pruned_rl.training.collector import Collector
from tf_pruned_rl.training.control_collector import ControlCollector
from tf_pruned_rl.training.counter import Counter


class Kind(NamedTuple):
    """What a kind of run makes."""

    collector: Callable[..., Collector | ControlCollector | Counter]
    """(config, environment, replay, agent, seed=...) -> what plays and fills the replay."""
    evaluate: Callable[..., EpisodeResults]
    """(config, agent, seed=...) -> the episodes of one evaluation; nothing is learned."""


def _game_collector(
    config: ExperimentConfig,
    environment: Environment,
    replay: FrameReplay,
    agent: DqnAgent | RainbowAgent,
    *,
    seed: int,
) -> Collector:
    return Collector(config, environment, replay, agent.exploring_q_values, seed=seed)


def _counter(*_: Any, seed: int) -> Counter:
    del seed
    return Counter()


KINDS: dict[type[Config], Kind] = {
    ExperimentConfig: Kind(_game_collector, evaluation.evaluate_game),
    OfflineConfig: Kind(_counter, evaluation.evaluate_game),
    ContinuousConfig: Kind(ControlCollector, evaluation.evaluate_control),
}


def of(config: Config) -> Kind:
    """Returns the kind of run that a configuration describes."""
    return KINDS[type(config)]
