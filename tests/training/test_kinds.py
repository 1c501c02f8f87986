"""Each kind of run has its collector and its evaluation, and no other configuration has one."""

from __future__ import annotations

import pytest

from tf_pruned_rl import config
from tf_pruned_rl.training import kinds
from tf_pruned_rl.training.collector import Collector
from tf_pruned_rl.training.control_collector import ControlCollector
from tf_pruned_rl.training.counter import Counter
from tf_pruned_rl.training.experiment import Experiment


def test_games_are_played_and_the_steps_counted(small):
    experiment = Experiment(small)
    assert type(experiment.collector) is Collector
    experiment.collector.reset()
    experiment.advance(3)
    assert experiment.agent_steps == 3 * experiment.budget.cycle.agent_steps


def test_continuous_control_has_its_own():
    settings = config.replace(config.preset("sac"), env="Pendulum-v1", width=0.25, replay_capacity=2_000)
    assert type(Experiment(settings).collector) is ControlCollector


def test_offline_runs_only_count():
    assert type(kinds.of(config.preset("cql")).collector(None, None, None, None, seed=0)) is Counter


@pytest.mark.parametrize("agent", ["dqn", "rainbow", "der", "drq_eps", "cql", "cql_c51", "sac"])
def test_every_agent_is_of_a_kind(agent):
    assert kinds.of(config.preset(agent)) in kinds.KINDS.values()


def test_anything_else_is_refused():
    with pytest.raises(KeyError):
        kinds.of("rainbow")
