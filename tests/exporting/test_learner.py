"""Exporting from a learner: the policy is its network, its table and its schedule."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import config
from tf_pruned_rl.environments import DiscreteSpec
from tf_pruned_rl.exporting.learner import export_learner
from tf_pruned_rl.policies.policy import load_policy
from tf_pruned_rl.training.learner import Learner

ACTIONS = ("NOOP", "FIRE", "RIGHT", "LEFT")
OBSERVATIONS = np.random.default_rng(0).integers(0, 256, (2, 84, 84, 4), dtype=np.uint8)


@pytest.fixture(scope="module", params=["magnitude", "none"])
def learner(request):
    """Returns (configuration, learner) in the middle of its pruning, or dense."""
    small = {"network": "nature", "width": 0.25, "num_atoms": 11, "total_frames": 48_000}
    experiment = config.replace(config.preset("rainbow", "quick"), pruning=request.param, **small)
    learner = Learner(experiment, DiscreteSpec(len(ACTIONS)))
    for weight in learner.agent.model.weights:
        weight.assign_add(tf.random.stateless_normal(weight.shape, seed=(1, 2), stddev=0.1))
    learner.gradient_steps.assign(1500)
    for step in range(0, 1501, 50):
        learner.pruner.after_gradient_step(tf.constant(step, tf.int64))
    return experiment, learner


def export(experiment, learner, directory) -> dict:
    return export_learner(
        learner, directory, config=experiment, action_meanings=ACTIONS, agent_steps=7000, mean_return=2.5
    )


def test_policy_is_the_agents(learner, tmp_path):
    experiment, learner = learner
    export(experiment, learner, tmp_path / "policy")
    expected = tf.function(learner.agent.q_values)(tf.constant(OBSERVATIONS))
    actual = load_policy(tmp_path / "policy").q_values(OBSERVATIONS)
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)


def test_table_counts_the_exported_zeros(learner, tmp_path):
    experiment, learner = learner
    description = export(experiment, learner, tmp_path / "policy")
    weights = load_policy(tmp_path / "policy").runtime.saved_model.weights
    kernels = [weight.numpy() for weight in weights if len(weight.shape) > 1]
    assert len(kernels) == len(description["layers"]) == 5
    for row, kernel in zip(description["layers"], kernels, strict=True):
        assert tuple(row["shape"]) == kernel.shape
        assert (row["parameters"], row["nonzero"]) == (kernel.size, np.count_nonzero(kernel))
        assert row["sparsity"] == pytest.approx(1 - np.count_nonzero(kernel) / kernel.size)
    total = sum(kernel.size for kernel in kernels)
    zeros = total - sum(np.count_nonzero(kernel) for kernel in kernels)
    assert description["sparsity"] == pytest.approx(zeros / total, abs=1e-12)
    assert description["parameters"] == sum(math.prod(weight.shape) for weight in weights)
    assert description["training"] == {
        "frames": 28000,
        "agent_steps": 7000,
        "gradient_steps": 1500,
        "mean_return": 2.5,
    }


def test_sparsity_is_the_schedules(learner, tmp_path):
    experiment, learner = learner
    description = export(experiment, learner, tmp_path / "policy")
    if experiment.pruning.pruning == "none":
        assert (description["sparsity"], description["target_sparsity"]) == (0, 0)
        return
    # 48,000 frames: 3,000 nominal gradient steps, pruning from 600 to 2,400.
    cubic = 0.95 * (1 - (1 - (1500 - 600) / 1800) ** 3)
    # Within one weight per layer: zeros are whole.
    weights = sum(row["parameters"] for row in description["layers"])
    assert abs(description["target_sparsity"] - cubic) * weights <= len(description["layers"])
    assert abs(description["sparsity"] - cubic) * weights <= len(description["layers"])


def test_weights_that_are_not_sparse_are_not_exported(learner, tmp_path):
    experiment, learner = learner
    if experiment.pruning.pruning == "none":
        export(experiment, learner, tmp_path / "policy")
        return
    kernel = next(weight for weight in learner.agent.model.weights if "dense" in weight.name)
    before = kernel.numpy()
    kernel.assign(np.where(before == 0, 1e-3, before))
    try:
        with pytest.raises(RuntimeError, match="dense"):
            export(experiment, learner, tmp_path / "policy")
    finally:
        kernel.assign(before)
    assert not (tmp_path / "policy").exists()
