"""Conservative Q-learning's term alone and in the losses of CQL and CQL+C51, against float64."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl.agents import conservative

_ATOMS = np.linspace(-10, 10, 51)


def _softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _term(q_values: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Log sum_a exp Q(s, a) - Q(s, a_data), the largest value taken out of the sum."""
    largest = q_values.max(1)
    total = largest + np.log(np.exp(q_values - largest[:, None]).sum(1))
    return total - q_values[np.arange(len(actions)), actions]


def _huber(error: np.ndarray) -> np.ndarray:
    return np.where(np.abs(error) <= 1, error**2 / 2, np.abs(error) - 0.5)


def _cql(agent, batch) -> tuple[np.ndarray, np.ndarray]:
    """Returns each transition's Huber loss and its conservative term."""
    rows, actions = np.arange(len(batch.actions)), batch.actions.numpy()
    q = agent.model(batch.observations).numpy().astype(np.float64)
    next_q = agent.target_model(batch.next_observations).numpy().astype(np.float64)
    target = batch.returns.numpy().astype(np.float64) + batch.discounts.numpy() * next_q.max(1)
    return _huber(q[rows, actions] - target), _term(q, actions)


def _cql_c51(agent, batch) -> tuple[np.ndarray, np.ndarray]:
    """Returns each transition's cross-entropy, with double Q-learning, and its conservative term."""
    rows, actions = np.arange(len(batch.actions)), batch.actions.numpy()
    logits, deciding, next_logits = (
        model(observations).numpy().astype(np.float64)
        for model, observations in (
            (agent.model, batch.observations),
            (agent.model, batch.next_observations),
            (agent.target_model, batch.next_observations),
        )
    )
    best = (_softmax(deciding) @ _ATOMS).argmax(1)
    masses = _softmax(next_logits)[rows, best]
    positions = batch.returns.numpy()[:, None] + batch.discounts.numpy()[:, None] * _ATOMS
    places = (np.clip(positions, -10, 10) + 10) / 0.4
    below = np.minimum(np.floor(places), 49).astype(int)
    projected = np.zeros((len(rows), 51))
    for row in rows:
        np.add.at(projected[row], below[row], masses[row] * (below[row] + 1 - places[row]))
        np.add.at(projected[row], below[row] + 1, masses[row] * (places[row] - below[row]))
    cross_entropy = -(projected * np.log(_softmax(logits)[rows, actions])).sum(1)
    return cross_entropy, _term(_softmax(logits) @ _ATOMS, actions)


@pytest.mark.parametrize("scale", [0.1, 1.0, 300.0])  # float32's exp overflows at 89
def test_the_term_equals_the_float64_derivation(scale: float) -> None:
    rng = np.random.default_rng(1)
    q_values, actions = scale * rng.normal(size=(64, 18)), rng.integers(18, size=64)
    term = conservative.term(tf.constant(q_values, tf.float32), tf.constant(actions, tf.int32))
    np.testing.assert_allclose(term, _term(q_values, actions), rtol=1e-5, atol=1e-5 * scale)


def test_the_term_by_hand() -> None:
    # Equal values: log of their number. One action far above the others, and that of the data: nothing.
    q_values = tf.constant([[2.0, 2.0, 2.0, 2.0], [0.0, 50.0, 0.0, 0.0]])
    term = conservative.term(q_values, tf.constant([3, 1]))
    np.testing.assert_allclose(term, [np.log(4), 0.0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("name", "derived"), [("cql", _cql), ("cql_c51", _cql_c51)])
def test_losses_equal_the_float64_derivation(make_agent, batch, name: str, derived) -> None:
    # Given the networks' float32 outputs; 1e-5 relative, and as much of the largest loss.
    agent = make_agent(name)
    batch = batch._replace(returns=3 * batch.returns)
    loss, term = derived(agent, batch)
    assert term.min() > 0.01  # or it would not be seen
    losses, q_values = agent.loss_per_example(batch)
    np.testing.assert_allclose(losses, loss + 0.1 * term, rtol=1e-5, atol=1e-5 * loss.max())
    plain, _ = make_agent(name, cql_alpha=0.0).loss_per_example(batch)
    np.testing.assert_allclose(plain, loss, rtol=1e-5, atol=1e-5 * loss.max())
    np.testing.assert_allclose(q_values, agent.q_values(batch.observations), rtol=1e-6)


@pytest.mark.parametrize("name", ["cql", "cql_c51"])
def test_a_large_term_makes_the_agent_do_what_the_data_do(make_agent, batch, weights, name: str) -> None:
    agent = make_agent(name, cql_alpha=10.0, learning_rate=1e-3)
    step = tf.function(agent.train_step)
    for _ in range(30):
        step(batch, weights)
    np.testing.assert_array_equal(np.argmax(agent.q_values(batch.observations), axis=1), batch.actions)
