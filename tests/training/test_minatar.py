"""MinAtar in the training parts: one gradient step by hand, what is stored, and what is seen again."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import config
from tf_pruned_rl.environments import DiscreteSpec
from tf_pruned_rl.replay.batch import Batch
from tf_pruned_rl.training.experiment import Experiment
from tf_pruned_rl.training.learner import Learner

SMALL = {
    "game": "Breakout",
    "network": "minatar",
    "width": 0.25,
    "batch_size": 8,
    "replay_capacity": 400,
    "min_replay_history": 60,
    "epsilon_decay_period": 50,
    "total_frames": 600,
    "target_update_period": 40,
    "prune_every": 7,
}


def settings(agent: str = "dqn", **changes: object) -> config.ExperimentConfig:
    return config.replace(config.preset(agent, suite="minatar"), **SMALL | changes)


def patches_of(frames: np.ndarray) -> np.ndarray:
    """Returns float64 [B, 8, 8, C, 3, 3]."""
    return np.lib.stride_tricks.sliding_window_view(frames.astype(np.float64), (3, 3), axis=(1, 2))


def forward(weights: list[np.ndarray], frames: np.ndarray) -> tuple[np.ndarray, ...]:
    """Returns convolution, hidden layer (both behind their ReLU) and values, in float64."""
    kernel, bias, w1, b1, w2, b2 = weights
    features = np.maximum(np.einsum("nyxcij,ijco->nyxo", patches_of(frames), kernel) + bias, 0)
    hidden = np.maximum(features.reshape(len(frames), -1) @ w1 + b1, 0)
    return features, hidden, hidden @ w2 + b2


def test_one_gradient_step_equals_float64_numpy():
    """Loss to 1e-5, every weight after Adam's first step to 1e-2 of the step's size."""
    tf_keras.utils.set_random_seed(3)
    chosen = settings(pruning="none")
    spec = DiscreteSpec(6, (10, 10, 4), max_value=1)
    learner, rng = Learner(chosen, spec), np.random.default_rng(8)
    for variable in learner.agent.target_model.variables:
        variable.assign_add(rng.normal(0, 0.05, variable.shape))
    seen = rng.integers(0, 2, (2, 8, 10, 10, 4)).astype(np.uint8)
    actions, returns = rng.integers(0, 6, 8), rng.normal(size=8)
    discounts = np.where(np.arange(8) == 2, 0.0, 0.99)
    online, target = (
        [variable.numpy().astype(np.float64) for variable in model.variables]
        for model in (learner.agent.model, learner.agent.target_model)
    )
    features, hidden, values = forward(online, seen[0])
    errors = values[np.arange(8), actions] - (returns + discounts * forward(target, seen[1])[2].max(axis=1))
    # Backwards by hand.
    upstream = np.zeros((8, 6))
    upstream[np.arange(8), actions] = 2 * errors / 8
    into_hidden = (upstream @ online[4].T) * (hidden > 0)
    into_features = (into_hidden @ online[2].T).reshape(features.shape) * (features > 0)
    gradients = [
        np.einsum("nyxcij,nyxo->ijco", patches_of(seen[0]), into_features),
        into_features.sum((0, 1, 2)),
        features.reshape(8, -1).T @ into_hidden,
        into_hidden.sum(0),
        hidden.T @ upstream,
        upstream.sum(0),
    ]
    batch = Batch(
        observations=tf.constant(seen[0]),
        actions=tf.constant(actions, tf.int32),
        returns=tf.constant(returns, tf.float32),
        discounts=tf.constant(discounts, tf.float32),
        next_observations=tf.constant(seen[1]),
        indices=tf.range(8, dtype=tf.int64),
        probabilities=tf.ones(8),
    )
    loss, losses, _ = tf.function(learner.agent.train_step)(batch, tf.ones(8))
    np.testing.assert_allclose(losses, errors**2, rtol=1e-5, atol=1e-6)
    assert float(loss) == pytest.approx(np.mean(errors**2), rel=1e-5)
    rate, epsilon = 2.5e-4, 3.125e-4  # of "Revisiting Rainbow"
    for variable, before, gradient in zip(learner.agent.model.variables, online, gradients, strict=True):
        # The bias-corrected moments of a first step are the gradient and its square.
        expected = -rate * gradient / (np.abs(gradient) + epsilon)
        np.testing.assert_allclose(variable.numpy() - before, expected, atol=1e-2 * rate)


@pytest.mark.parametrize(("agent", "n_step"), [("dqn", 1), ("rainbow", 3)])
def test_what_is_played_is_what_is_learned_from(agent, n_step):
    """Every transition drawn is one that the environment really made, and nothing is stacked."""
    experiment = Experiment(settings(agent, batch_size=256))
    made, step = [], experiment.environment.step

    def watched(actions):
        before = experiment.environment._frames.copy()
        outcome = step(actions)
        made.append((before[0], int(actions[0]), float(outcome[1][0]), bool(outcome[2][0])))
        return outcome

    experiment.environment.step = watched
    experiment.collector.reset()
    experiment.advance(15)
    experiment.advance(40)
    assert len(made) == experiment.agent_steps == 220
    batch = experiment.replay.sample()
    assert batch.observations.shape == batch.next_observations.shape == (256, 10, 10, 4)
    # One stream that never filled its ring: an entry's row is its step.
    for row, index in enumerate(batch.indices.numpy().tolist()):
        frame, action, _, _ = made[index]
        np.testing.assert_array_equal(batch.observations[row], frame)
        assert batch.actions[row] == action
        window = made[index : index + n_step]
        ends = [terminal for _, _, _, terminal in window]
        length = ends.index(True) + 1 if True in ends else n_step
        expected = sum(0.99**k * reward for k, (_, _, reward, _) in enumerate(window[:length]))
        assert float(batch.returns[row]) == pytest.approx(expected, rel=1e-6)
        assert float(batch.discounts[row]) == pytest.approx(0.0 if True in ends else 0.99**n_step)
        if True not in ends:
            np.testing.assert_array_equal(batch.next_observations[row], made[index + n_step][0])
