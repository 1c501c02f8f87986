"""Acting in continuous control: what is chosen when, and what the replay is told."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import config
from tf_pruned_rl.training import evaluation
from tf_pruned_rl.training.experiment import Experiment

SETTINGS = {
    "env": "Pendulum-v1",
    "num_envs": 2,
    "width": 0.25,
    "batch_size": 8,
    "replay_capacity": 400,
    "min_replay_history": 40,
    "total_steps": 400,
    "max_episode_steps": 7,
    "prune_every": 5,
    "eval_episodes": 3,
}


@pytest.fixture
def small():
    return config.replace(config.preset("sac", "quick"), **SETTINGS)


def entries(experiment: Experiment) -> np.ndarray:
    """The ring's rows as [stream, step, columns], as far as it is written."""
    ring = experiment.replay.ring
    rows = ring.storage.numpy().reshape(ring.num_envs, ring.length, -1)
    return rows[:, : int(ring.written.numpy())]


def test_the_replay_holds_what_was_seen(small):
    experiment = Experiment(small)
    experiment.collector.reset()
    first = experiment.collector.observations.numpy()
    experiment.advance(7)  # 7 vector steps of 2: every episode is cut by the last
    rows = entries(experiment)
    assert rows.shape == (2, 8, 3 + 1 + 2)
    np.testing.assert_array_equal(rows[:, 0, :3], first)
    assert rows[:, :, 5].tolist() == [[0] * 6 + [2, 3]] * 2
    # Pendulum's speed changes by at most its limit, so what was reached lies near what was before.
    assert np.abs(rows[:, 7, 0] - rows[:, 6, 0]).max() < 0.6
    assert (rows[:, :7, 4] <= 0).all()
    assert experiment.agent_steps == 14 and len(experiment.returns.running()) == 3
    np.testing.assert_array_equal(experiment.environment._frames, experiment.collector.observations)


def test_actions_are_uniform_in_the_warm_up_and_then_the_policys(small):
    experiment = Experiment(small)
    experiment.collector.reset()
    experiment.learner.agent.model.weights[-1].assign([0.5, -20.0])  # nearly deterministic
    experiment.learner.agent.model.weights[-2].assign(tf.zeros([64, 2]))
    experiment.advance(20)
    warm = entries(experiment)[:, :, 3]
    assert np.abs(warm).max() > 1.5 and np.abs(warm).max() <= 2 and warm.std() > 0.8
    before = int(experiment.replay.ring.written.numpy())
    tf.function(experiment.collector.step)()
    np.testing.assert_allclose(entries(experiment)[:, before, 3], 2 * np.tanh(0.5), rtol=1e-5)


def test_a_restored_experiment_goes_on_as_the_first_would_have(small, tmp_path):
    one, two = Experiment(small), Experiment(config.replace(small, seed=1))
    one.collector.reset()
    one.advance(20)
    one.advance(10)
    for name, component in one.components().items():
        (tmp_path / name).mkdir()
        component.save(tmp_path / name, None)
    for name, component in two.components().items():
        component.load(tmp_path / name)
    for experiment in (one, two):
        experiment.advance(15)
    assert one.gradient_steps == two.gradient_steps == 50
    for ours, theirs in zip(one.learner.agent.model.weights, two.learner.agent.model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(entries(one), entries(two))
    assert one.returns.running() == two.returns.running()


def test_an_evaluation_phase_is_greedy_whole_and_repeatable(small):
    experiment = Experiment(small)
    results = [evaluation.evaluate_control(small, experiment.learner.agent, seed=seed) for seed in (5, 5, 6)]
    assert results[0] == results[1] != results[2]
    assert (len(results[0].returns), results[0].agent_steps) == (3, 21)
