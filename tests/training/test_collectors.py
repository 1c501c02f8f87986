"""Each kind of run has its collector, and no other configuration has one."""

from __future__ import annotations

import pytest

from tf_pruned_rl import config
from tf_pruned_rl.training import collectors
from tf_pruned_rl.training.collector import Collector
from tf_pruned_rl.training.control_collector import ControlCollector
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


def test_anything_else_is_refused():
    with pytest.raises(TypeError, match="no collector for a str"):
        collectors.create("rainbow", None, None, None, seed=0)
