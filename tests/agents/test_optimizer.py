"""Adam against the textbook in float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl.agents.optimizer import Adam

_RATE, _EPSILON, _STEPS = 6.25e-5, 1.5e-4, 20


@pytest.fixture(scope="module")
def gradients() -> np.ndarray:
    """Gradients of 1e-7 to 1: below, around and above epsilon."""
    rng = np.random.default_rng(0)
    return (rng.normal(size=(_STEPS, 64)) * np.logspace(-7, 0, 64)).astype(np.float32)


def _textbook(gradients: np.ndarray) -> np.ndarray:
    """Returns the weights after all steps from zero (Kingma & Ba, 2015, algorithm 1)."""
    weights = m = v = np.zeros(gradients.shape[1])
    for t, g in enumerate(gradients.astype(np.float64), start=1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        weights = weights - _RATE * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + _EPSILON)
    return weights


def _descend(optimizer: tf_keras.optimizers.legacy.Optimizer, gradients: np.ndarray) -> np.ndarray:
    variable = tf.Variable(tf.zeros(gradients.shape[1]))

    @tf.function
    def step(gradient: tf.Tensor) -> None:
        optimizer.apply_gradients([(gradient, variable)])

    for gradient in gradients:
        step(tf.constant(gradient))
    return variable.numpy()


@pytest.mark.parametrize("steps", [1, 2, _STEPS])
def test_equals_the_textbook(gradients: np.ndarray, steps: int) -> None:
    # Tolerance 1e-5 relative on the distance moved; where gradients of both signs cancel, on the
    # distance of the weight that moved most.
    moved = _descend(Adam(learning_rate=_RATE, epsilon=_EPSILON), gradients[:steps])
    expected = _textbook(gradients[:steps])
    np.testing.assert_allclose(moved, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


def test_keras_adam_is_something_else(gradients: np.ndarray) -> None:
    keras = tf_keras.optimizers.legacy.Adam(learning_rate=_RATE, epsilon=_EPSILON)
    relative = np.abs(_descend(keras, gradients) / _textbook(gradients) - 1)
    assert np.median(relative) > 0.5


def test_slots_exist_once_built_and_survive_a_checkpoint(tmp_path: Path, gradients: np.ndarray) -> None:
    def make() -> tuple[tf.Variable, Adam, tf.train.Checkpoint]:
        variable, optimizer = tf.Variable(tf.zeros(64)), Adam(learning_rate=_RATE, epsilon=_EPSILON)
        optimizer.build([variable])
        return variable, optimizer, tf.train.Checkpoint(variable=variable, optimizer=optimizer)

    variable, optimizer, checkpoint = make()
    assert {v.shape.rank for v in optimizer.variables()} == {0, 1}  # the counter and the moments
    assert len(optimizer.variables()) == 3
    optimizer.apply_gradients([(tf.constant(gradients[0]), variable)])
    path = checkpoint.write(str(tmp_path / "state"))

    other, restored, into = make()
    into.read(path).assert_consumed()
    for kept, g in ((variable, optimizer), (other, restored)):
        g.apply_gradients([(tf.constant(gradients[1]), kept)])
    assert restored.iterations == 2
    np.testing.assert_array_equal(other.numpy(), variable.numpy())


def test_each_variable_is_handed_over_right_after_its_own_step(gradients: np.ndarray) -> None:
    variables = [tf.Variable(tf.zeros(64)), tf.Variable(tf.ones(64))]
    optimizer = Adam(learning_rate=_RATE, epsilon=_EPSILON)
    optimizer.build(variables)
    seen = {}

    def halve(variable: tf.Variable) -> None:
        seen[variable.ref()] = variable.numpy()
        variable.assign(variable / 2)

    optimizer.after_update(halve)
    optimizer.apply_gradients([(tf.constant(gradients[0]), variable) for variable in variables])
    for variable, start in zip(variables, (0.0, 1.0), strict=True):
        moved = start + _textbook(gradients[:1])
        np.testing.assert_allclose(seen[variable.ref()], moved, rtol=1e-5, atol=1e-9)
        np.testing.assert_array_equal(variable, seen[variable.ref()] / 2)


def test_a_variable_follows_what_its_gradient_is_made_into(gradients: np.ndarray) -> None:
    variables = [tf.Variable(tf.zeros(64)), tf.Variable(tf.ones(64))]
    optimizer = Adam(learning_rate=_RATE, epsilon=_EPSILON)
    optimizer.build(variables)
    assert list(optimizer.first_moments()) == [variable.ref() for variable in variables]
    optimizer.before_update(lambda gradient, variable: gradient * (variable + 1))
    optimizer.apply_gradients([(tf.constant(gradients[0]), variable) for variable in variables])
    for variable, start in zip(variables, (0.0, 1.0), strict=True):
        made = gradients[:1] * (start + 1)
        np.testing.assert_allclose(variable, start + _textbook(made), rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(optimizer.first_moments()[variable.ref()], 0.1 * made[0], rtol=1e-5)
