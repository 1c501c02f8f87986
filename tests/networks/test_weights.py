"""Weights are cast once where they may be, and nothing else about them changes."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import networks
from tf_pruned_rl.config import NetworkConfig
from tf_pruned_rl.networks import weights

SETTINGS = [
    {"network": "nature"},
    {"network": "impala"},
    {"network": "nature", "dueling": True, "noisy": True},
]


def _model(settings: dict, *, mixed_precision: bool = True) -> tf_keras.Model:
    config = NetworkConfig(**settings, width=0.25, mixed_precision=mixed_precision)
    return networks.build(config, num_actions=3)


def _casts(model: tf_keras.Model, calls: int, *, branch: bool = False) -> int:
    """Returns how many casts of weights are in a graph that calls the network several times."""

    @tf.function
    def several(x: tf.Tensor) -> list[tf.Tensor]:
        with weights.cast_once():
            if branch:
                first = tf.cond(tf.reduce_sum(x) > 0, lambda: model(x), lambda: model(x) + 1.0)
                return [first, model(x)]
            return [model(x) for _ in range(calls)]

    graph = several.get_concrete_function(tf.TensorSpec([2, 84, 84, 4])).graph
    return sum(
        operation.type == "Cast" and operation.inputs[0].op.type == "ReadVariableOp"
        for operation in graph.get_operations()
    )


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_weight_is_cast_once_for_all_calls(settings: dict) -> None:
    model = _model(settings)
    once = _casts(model, 1)
    assert once > 0
    assert _casts(model, 3) == once


def test_casts_of_a_branch_are_not_used_outside() -> None:
    # That it can be built at all: a branch's tensor is unknown outside.
    model = _model({"network": "nature"})
    assert _casts(model, 1, branch=True) == _casts(model, 1)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("mixed_precision", [True, False])
def test_values_and_gradients_are_the_same(settings: dict, mixed_precision: bool) -> None:
    model = _model(settings | {"noisy": False}, mixed_precision=mixed_precision)
    # Two batches: of one, TensorFlow would make one call of both, and round elsewhere in bfloat16.
    x, other = tf.random.stateless_uniform([2, 2, 84, 84, 4], maxval=255.0, seed=(1, 2))

    def twice() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            values = model(x, training=True)
            loss = tf.reduce_sum(values**2)
        return [values, model(other), *tape.gradient(loss, model.trainable_variables)]

    @tf.function
    def shared() -> list[tf.Tensor]:
        with weights.cast_once():
            return twice()

    for mine, expected in zip(shared(), tf.function(twice)(), strict=True):
        np.testing.assert_allclose(mine, expected, atol=1e-6 * np.abs(expected).max())


def test_after_the_context_a_changed_weight_is_read_anew() -> None:
    layer = tf_keras.layers.Dense(2, dtype="mixed_bfloat16", use_bias=False)
    layer.build([None, 3])

    def read() -> np.ndarray:
        with tf_keras.src.mixed_precision.autocast_variable.enable_auto_cast_variables(tf.bfloat16):
            return tf.cast(weights.read(layer.kernel), tf.float32).numpy()

    with weights.cast_once():
        before = read()
        layer.kernel.assign(tf.zeros([3, 2]))
        np.testing.assert_array_equal(read(), before)
    np.testing.assert_array_equal(read(), np.zeros([3, 2]))


def test_a_weight_that_needs_no_cast_is_read_afresh() -> None:
    variable = tf.Variable([1.0])
    with weights.cast_once():
        np.testing.assert_array_equal(weights.read(variable), [1.0])
        variable.assign([2.0])
        np.testing.assert_array_equal(weights.read(variable), [2.0])
