"""The DQN loss against float64, and against TF-Agents' own."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.trajectories import trajectory


def _expected(agent, batch, loss: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns each transition's loss and its derivative by Q(s, a), float64 [B]."""
    rows = np.arange(len(batch.actions))
    q = agent.model(batch.observations).numpy().astype(np.float64)[rows, batch.actions.numpy()]
    next_q = agent.target_model(batch.next_observations).numpy().astype(np.float64)
    target = batch.returns.numpy().astype(np.float64) + batch.discounts.numpy() * next_q.max(1)
    error = q - target
    if loss == "mse":
        return error**2, 2 * error
    small = np.abs(error) <= 1
    return np.where(small, error**2 / 2, np.abs(error) - 0.5), np.where(small, error, np.sign(error))


def _trajectory(batch) -> trajectory.Trajectory:
    """Returns the batch as TF-Agents sees it: two time steps each."""
    count = len(batch.actions)

    def repeat(x: tf.Tensor) -> tf.Tensor:
        return tf.stack([x, x], axis=1)

    return trajectory.Trajectory(
        step_type=tf.ones((count, 2), tf.int32),
        observation=tf.stack([batch.observations, batch.next_observations], axis=1),
        action=repeat(batch.actions),
        policy_info=(),
        next_step_type=tf.ones((count, 2), tf.int32),
        reward=repeat(batch.returns),
        discount=repeat(tf.cast(batch.discounts > 0, tf.float32)),
    )


@pytest.mark.parametrize("loss", ["mse", "huber"])
def test_loss_and_gradient_equal_the_float64_derivation(make_agent, batch, weights, loss: str) -> None:
    # Tolerance 1e-5 relative, given the networks' own float32 outputs. Returns are spread by 3 so that
    # Huber's linear part is met as well.
    agent = make_agent(loss=loss)
    batch = batch._replace(returns=3 * batch.returns)
    expected, slope = _expected(agent, batch, loss)
    with tf.GradientTape() as tape:
        losses, q_values = agent.loss_per_example(batch)
        mean = tf.reduce_mean(weights * losses)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    # The head's bias of an action moves its Q-value one to one.
    by_action = np.bincount(batch.actions.numpy(), weights * slope, minlength=4) / len(slope)
    np.testing.assert_allclose(
        tape.gradient(mean, agent.model.get_layer("head").bias), by_action, rtol=1e-5, atol=1e-7
    )
    np.testing.assert_array_equal(q_values, agent.q_values(batch.observations))


def test_terminal_transitions_ignore_what_follows(make_agent, batch) -> None:
    agent = make_agent()
    losses, _ = agent.loss_per_example(batch)
    other, _ = agent.loss_per_example(batch._replace(next_observations=255 - batch.next_observations))
    terminal = batch.discounts.numpy() == 0
    assert terminal.sum() == 2
    np.testing.assert_array_equal(losses.numpy()[terminal], other.numpy()[terminal])
    assert (losses.numpy() != other.numpy())[~terminal].all()


@pytest.mark.parametrize("loss", ["mse", "huber"])
def test_step_equals_tf_agents_own_train(make_agent, batch, weights, loss: str) -> None:
    # Same network, same optimizer, another derivation of the loss: 1e-5 relative on the loss, and on
    # the weights 1 % of a step's length (both are float32 sums in another order).
    ours, theirs = make_agent(loss=loss), make_agent(loss=loss)
    mean, _, _ = ours.train_step(batch, weights)
    info = theirs.train(_trajectory(batch), weights=weights)
    assert float(mean) == pytest.approx(float(info.loss), rel=1e-5)
    for a, b in zip(ours.model.variables, theirs.model.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=0, atol=0.01 * 6.25e-5)


def test_policy_acts_greedily_on_the_same_values(make_agent, batch) -> None:
    agent = make_agent()
    time_step = tf.nest.map_structure(
        lambda spec: tf.zeros((8, *spec.shape), spec.dtype), agent.time_step_spec
    )
    action = agent.policy.action(time_step._replace(observation=batch.observations)).action
    np.testing.assert_array_equal(action, np.argmax(agent.q_values(batch.observations), axis=1))
