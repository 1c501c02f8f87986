"""The walk over a functional model: who is given what, in which form."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl.compute import Activations, Computation, StepState, tensor
from tf_pruned_rl.errors import UserError

K = tf_keras.layers
X = tf.random.stateless_normal([4, 6], seed=(1, 2))


def _branched() -> tf_keras.Model:
    """Two inputs, a layer that is called twice, outputs in a dictionary."""
    x, y = tf_keras.Input((6,)), tf_keras.Input((6,), dtype="float32")
    shared = K.Dense(6, activation="tanh", name="shared")
    joined = K.Concatenate()([shared(x), K.Add()([shared(y), x])])
    return tf_keras.Model([x, y], {"first": K.Dense(3)(joined), "second": K.Lambda(lambda z: 2 * z)(joined)})


def _chain() -> tf_keras.Model:
    layers = [K.Dense(5, name="one"), K.Dense(4, name="two"), K.Dense(3, name="three")]
    return tf_keras.Sequential([tf_keras.Input((6,)), *layers])


def test_without_a_plan_it_is_the_model() -> None:
    model = _branched()
    ours, expected = Computation(model, {})([X, X[::-1]]), model([X, X[::-1]])
    assert ours.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(ours[name], value)


def test_training_reaches_the_layers_that_ask_for_it() -> None:
    model = tf_keras.Sequential([tf_keras.Input((6,)), K.Dropout(0.5, seed=1), K.Dense(6)])
    computation = Computation(model, {})
    np.testing.assert_array_equal(computation(X), model(X))
    assert not np.array_equal(computation(X, training=True), model(X))


def test_inputs_are_cast_as_the_model_casts_them() -> None:
    model = tf_keras.Sequential([tf_keras.Input((2,)), K.Dense(2)])
    whole = np.array([[1, 255]], np.uint8)
    np.testing.assert_array_equal(Computation(model, {})(whole), model(whole))


class Halves(Activations):
    """A batch in two halves; counts its joins."""

    joins = 0

    def __init__(self, x: tf.Tensor):
        self.halves = tf.split(x, 2)

    def tensor(self) -> tf.Tensor:
        Halves.joins += 1
        return tf.concat(self.halves, 0)


def _splitting(layer, calls: list):
    def call(inputs, *, training, state):
        calls.append((layer.name, [type(each).__name__ for each in inputs], training, state))
        return Halves(layer(tensor(inputs[0])))

    return call


def _by_halves(layer):
    def call(inputs, *, training, state):
        return tf.concat([layer(half) for half in inputs[0].halves], 0)

    return call


def test_activations_go_on_in_their_form_to_those_who_know_it_and_as_tensors_to_others() -> None:
    model, calls, state = _chain(), [], StepState()
    one, two, three = model.layers
    Halves.joins = 0
    known = Computation(model, {one: _splitting(one, calls), two: _by_halves(two)})
    np.testing.assert_allclose(known(X, training=True, state=state), model(X), rtol=1e-5, atol=1e-6)
    assert Halves.joins == 0 and calls == [("one", ["EagerTensor"], True, state)]
    for layer in (one, three):  # read by Keras's own layer, or by the caller
        unknown = Computation(model, {layer: _splitting(layer, calls)})
        np.testing.assert_allclose(unknown(X), model(X), rtol=1e-5, atol=1e-6)
    assert Halves.joins == 2


def test_a_plan_may_change_between_calls() -> None:
    model = _chain()
    computation = Computation(model, {})
    computation(X)
    computation.plan[model.layers[-1]] = lambda inputs, *, training, state: tf.zeros([4, 3])
    np.testing.assert_array_equal(computation(X), np.zeros([4, 3]))


def test_variables_are_read_at_each_call() -> None:
    model = _chain()
    computation = Computation(model, {})
    before = computation(X)
    model.layers[0].kernel.assign_add(tf.ones([6, 5]))
    assert not np.array_equal(computation(X), before)
    np.testing.assert_array_equal(computation(X), model(X))


def test_refuses_a_model_that_is_not_functional() -> None:
    class Own(tf_keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(UserError, match="own is no functional Keras model"):
        Computation(Own(name="own"), {})


def test_once_computes_a_value_once_in_a_step_and_anew_in_the_next() -> None:
    counts = []

    def one() -> tf.Tensor:
        counts.append(None)
        return tf.constant(1.0)

    for expected in (1, 2):
        state = StepState()
        assert state.once("key", one) is state.once("key", one)
        assert len(counts) == expected
    state.once("another", one)
    assert len(counts) == 3


def test_what_a_branch_computed_is_not_used_outside() -> None:
    @tf.function
    def both(x: tf.Tensor) -> tf.Tensor:
        state = StepState()

        def value() -> tf.Tensor:
            return state.once("key", lambda: x + 1.0)

        return tf.cond(x > 0, value, lambda: 2 * value()) + value()

    assert both(tf.constant(1.0)) == 4.0 and both(tf.constant(-1.0)) == 0.0
