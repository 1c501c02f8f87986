"""The parts put together: units per call, and a checkpoint of all of them, environments included."""

from __future__ import annotations

import os
import subprocess
import sys

import gymnasium
import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import config, runtime
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.training.checkpoint import Checkpointer
from tf_pruned_rl.training.experiment import Experiment, prepare

THREE_FILTER_GRADIENTS = """
import tensorflow as tf
from tf_pruned_rl import config
from tf_pruned_rl.training.experiment import prepare

prepare(config.replace(config.preset("dqn", "quick"), threads=1))
kernel = tf.Variable(tf.ones([3, 3, 8, 8]))

@tf.function
def gradient(x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.nn.conv2d(x, kernel, 1, "SAME") ** 2)
    return tape.gradient(loss, kernel)

for _ in range(3):
    gradient(tf.ones([4, 12, 12, 8]))
"""


class Unsteady(gymnasium.Env):
    """Its reward is NaN at the 30th step of the process, within the warm-up."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
    count = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(3, np.float32), {}

    def step(self, action):
        self.count += 1
        return np.zeros(3, np.float32), float("nan") if self.count == 30 else 0.0, False, False, {}


def test_a_reward_that_is_no_number_never_reaches_the_replay(monkeypatch):
    monkeypatch.setitem(
        gymnasium.registry, "Unsteady-v0", gymnasium.envs.registration.EnvSpec("Unsteady-v0", Unsteady)
    )
    settings = config.replace(
        config.preset("sac", "quick"),
        env="Unsteady-v0",
        max_episode_steps=50,
        min_replay_history=100,
        width=0.25,
    )
    experiment = Experiment(settings)
    experiment.collector.reset()
    with pytest.raises(UserError, match="Unsteady-v0 gave the reward nan at agent step 30"):
        experiment.advance(60)
    assert int(experiment.replay.ring.written) == 29


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


@pytest.mark.parametrize("num_envs", [1, 3])
def test_masks_change_at_the_same_steps_as_where_every_step_may_change_them(num_envs):
    settings = {"num_envs": num_envs, "width": 0.25, "batch_size": 8, "replay_capacity": 600, "threads": 1}
    lengths = {"min_replay_history": 30, "total_steps": 120 * num_envs, "prune_every": 11}
    pruned = config.replace(config.preset("sac", "quick"), env="Pendulum-v1", **settings, **lengths)
    ours, reference = Experiment(pruned), Experiment(pruned)
    reference.learner.pruner.next_update = lambda step: step + 1
    for experiment in (ours, reference):
        experiment.collector.reset()
        experiment.advance(experiment.budget.warmup_agent_steps // num_envs)
    sparsities = set()
    for cycles in (1, 30, 9, 21, 17):
        for experiment in (ours, reference):
            experiment.advance(cycles)
        steps = [
            [int(masked.wrapper.pruning_step) for masked in experiment.learner.pruner._masked]
            for experiment in (ours, reference)
        ]
        assert steps[0] == steps[1]
        sparsities.add(ours.learner.pruner.sparsity())
        for mine, theirs in zip(
            ours.learner.agent.model.variables, reference.learner.agent.model.variables, strict=True
        ):
            np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-7)
            assert np.array_equal(mine.numpy() == 0, theirs.numpy() == 0)
    assert len(sparsities) >= 4  # the window was entered, and masks changed within calls


@pytest.mark.parametrize(("cores", "within", "side_by_side"), [(1, 1, 1), (2, 1, 2), (16, 8, 4)])
def test_operations_run_side_by_side_where_there_is_more_than_one_core(
    small, monkeypatch, cores, within, side_by_side
):
    asked = []
    for kind in ("intra", "inter"):
        name = f"set_{kind}_op_parallelism_threads"
        monkeypatch.setattr(tf.config.threading, name, lambda threads: asked.append(threads))
    prepare(config.replace(small, threads=cores))
    assert asked == [within, side_by_side]


@pytest.mark.parametrize("mixed_precision", [False, True])
def test_graphs_are_fused_in_bfloat16_alone(small, monkeypatch, mixed_precision):
    asked = []
    monkeypatch.setattr(runtime, "graph_fusions", asked.append)
    prepare(config.replace(small, mixed_precision=mixed_precision))
    # Off, a ReLU does not keep NaN in a graph that is fused.
    prepare(config.replace(small, mixed_precision=mixed_precision, cpu_optimizations=False))
    assert asked == [mixed_precision, False]


@pytest.mark.parametrize(("asked", "made"), [({}, 1), ({"TF_MKL_OPTIMIZE_PRIMITIVE_MEMUSE": "1"}, 3)])
def test_primitives_of_filters_gradients_are_made_once_unless_asked_otherwise(asked, made):
    name = "TF_MKL_OPTIMIZE_PRIMITIVE_MEMUSE"
    environment = {key: value for key, value in os.environ.items() if key != name}
    environment |= {"ONEDNN_VERBOSE": "profile_create", **asked}
    command = [sys.executable, "-c", THREE_FILTER_GRADIENTS]
    lines = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    if "onednn_verbose" not in lines:
        pytest.skip("TensorFlow computes without oneDNN here")
    created = [line for line in lines.splitlines() if ",create:" in line and "backward_weights" in line]
    assert len(created) == made
