"""The C51 projection and loss against float64."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl.agents.rainbow import project

_ATOMS = np.linspace(-10, 10, 51)


def _project(positions: np.ndarray, probabilities: np.ndarray, atoms: np.ndarray = _ATOMS) -> np.ndarray:
    """Shares each mass between the atoms below and above (Bellemare et al., 2017, algorithm 1)."""
    projected = np.zeros((len(positions), len(atoms)))
    spacing = (atoms[-1] - atoms[0]) / (len(atoms) - 1)
    for row, (xs, ps) in enumerate(zip(positions, probabilities, strict=True)):
        for x, p in zip(xs, ps, strict=True):
            place = (min(max(x, atoms[0]), atoms[-1]) - atoms[0]) / spacing
            below = min(int(np.floor(place)), len(atoms) - 2)
            projected[row, below] += p * (below + 1 - place)
            projected[row, below + 1] += p * (place - below)
    return projected


def _softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _projected(positions: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    tensors = (tf.constant(x, tf.float32) for x in (positions, probabilities, _ATOMS))
    return project(*tensors).numpy()


@pytest.mark.parametrize("reward", [0.0, 0.4, -1.2, 0.13, 9.99, 10.0, 25.0, -25.0])
@pytest.mark.parametrize("discount", [0.0, 0.97, 1.0])
def test_projection_equals_the_float64_derivation(reward: float, discount: float) -> None:
    # Tolerance 1e-5 of the total mass.
    probabilities = _softmax(np.random.default_rng(1).normal(size=(3, 51)))
    positions = np.tile(reward + discount * _ATOMS, (3, 1))
    found = _projected(positions, probabilities)
    np.testing.assert_allclose(found, _project(positions, probabilities), rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)


def test_projection_by_hand() -> None:
    # On an atom: whole. Between two: by nearness. Beyond the ends: to the end. Atoms are 0.4 apart.
    cases = {0.0: {25: 1.0}, 0.1: {25: 0.75, 26: 0.25}, 12.0: {50: 1.0}, -10.1: {0: 1.0}, 10.0: {50: 1.0}}
    for position, masses in cases.items():
        expected = np.zeros((1, 51))
        for atom, mass in masses.items():
            expected[0, atom] = mass
        found = _projected(np.array([[position]]), np.array([[1.0]]))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5, err_msg=str(position))


def test_projection_onto_its_own_atoms_changes_nothing() -> None:
    probabilities = _softmax(np.random.default_rng(2).normal(size=(4, 51)))
    found = _projected(np.tile(_ATOMS, (4, 1)), probabilities)
    np.testing.assert_allclose(found, probabilities, rtol=1e-5, atol=1e-6)


def _expected(agent, batch) -> tuple[np.ndarray, np.ndarray]:
    """Returns each transition's loss, and its derivative by the logits of its action, in float64."""
    rows = np.arange(len(batch.actions))
    logits = agent.model(batch.observations).numpy().astype(np.float64)[rows, batch.actions.numpy()]
    following = _softmax(agent.target_model(batch.next_observations).numpy().astype(np.float64))
    following = following[rows, (following @ _ATOMS).argmax(1)]
    positions = batch.returns.numpy()[:, None] + batch.discounts.numpy()[:, None] * _ATOMS
    target = _project(positions.astype(np.float64), following)
    probabilities = _softmax(logits)
    return -(target * np.log(probabilities)).sum(1), probabilities - target


@pytest.mark.parametrize("spread", [1.0, 12.0])
def test_loss_and_gradient_equal_the_float64_derivation(make_agent, batch, weights, spread: float) -> None:
    # Tolerance 1e-5 relative on the loss; on the gradient 1e-5 of its largest entry. A spread of 12
    # throws targets beyond both ends of the support.
    agent = make_agent("rainbow")
    batch = batch._replace(returns=spread * batch.returns)
    expected, slope = _expected(agent, batch)
    with tf.GradientTape() as tape:
        losses, q_values = agent.loss_per_example(batch)
        mean = tf.reduce_mean(weights * losses)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    by_logit = np.zeros((4, 51))
    np.add.at(by_logit, batch.actions.numpy(), weights.numpy()[:, None] * slope / len(slope))
    found = tape.gradient(mean, agent.model.get_layer("head").bias).numpy().reshape(4, 51)
    np.testing.assert_allclose(found, by_logit, rtol=0, atol=1e-5 * np.abs(by_logit).max())
    np.testing.assert_allclose(q_values, agent.q_values(batch.observations), rtol=1e-5, atol=1e-6)


def test_terminal_targets_are_the_return_alone(make_agent, batch) -> None:
    agent = make_agent("rainbow")
    target = agent.target_distribution(batch).numpy()
    for row in (2, 5):
        assert np.count_nonzero(target[row] > 1e-6) == 2
        assert target[row] @ _ATOMS == pytest.approx(float(batch.returns[row]), abs=1e-5)


def test_values_are_the_means_of_the_distributions(make_agent, batch) -> None:
    agent = make_agent("rainbow", num_atoms=5, v_max=2.0)
    np.testing.assert_allclose(agent.support, [-2, -1, 0, 1, 2], rtol=1e-6)
    logits = agent.model(batch.observations).numpy().astype(np.float64)
    expected = _softmax(logits) @ np.arange(-2, 3)
    np.testing.assert_allclose(agent.q_values(batch.observations), expected, rtol=1e-5, atol=1e-6)
    assert agent.loss_per_example(batch)[0].shape == (8,)
