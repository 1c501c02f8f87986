"""The parts put together: units per call, and a checkpoint of all of them, environments included."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import config
from tf_pruned_rl.training.checkpoint import Checkpointer
from tf_pruned_rl.training.experiment import Experiment, configure_tensorflow


@pytest.mark.parametrize(
    ("agent", "suite", "beside"),
    [("dqn", "atari", 2), ("cql", "atari", 2), ("sac", "", 2), ("dqn", "minatar", 0)],
)
def test_threads_wait_for_all_environments_but_the_fastest(monkeypatch, agent, suite, beside):
    asked = {}
    for kind in ("intra", "inter"):
        name = f"set_{kind}_op_parallelism_threads"
        monkeypatch.setattr(tf.config.threading, name, lambda count, kind=kind: asked.update({kind: count}))
    wanted = config.replace(config.preset(agent, suite=suite or "atari"), threads=3)
    configure_tensorflow(wanted)
    assert asked == {"intra": 3, "inter": 3 + beside}


@pytest.mark.parametrize("num_envs", [1, 3])
def test_a_restored_experiment_goes_on_as_the_first_would_have(small, tmp_path, num_envs):
    small = config.replace(small, num_envs=num_envs, replay_ratio=0.5, max_episode_steps=30)
    first, second = Experiment(small), Experiment(small)
    per_cycle = first.budget.cycle.agent_steps
    first.collector.reset()
    first.advance(first.budget.warmup_agent_steps // per_cycle)
    first.advance(10)
    assert first.agent_steps == first.budget.warmup_agent_steps + 10 * per_cycle
    assert first.gradient_steps == first.agent_steps * 0.5 - first.budget.warmup_agent_steps * 0.5

    Checkpointer(tmp_path, first.components()).save(agent_steps=first.agent_steps, frames=0, extra={})
    Checkpointer(tmp_path, second.components()).restore_latest()
    for experiment in (first, second):
        experiment.advance(15)
    assert second.agent_steps == first.agent_steps
    assert second.returns.running() == first.returns.running()
    assert np.array_equal(second.collector.observations, first.collector.observations)
    assert np.array_equal(second.replay.ring.records, first.replay.ring.records)
    for ours, theirs in zip(
        first.learner.agent.model.variables, second.learner.agent.model.variables, strict=True
    ):
        np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-7)
