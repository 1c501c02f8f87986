"""Weights are cast once where they may be, and nothing else about them changes."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import compute, networks
from tf_pruned_rl.compute import StepState
from tf_pruned_rl.compute.dense import weights
from tf_pruned_rl.config import NetworkConfig

SETTINGS = [
    {"network": "nature"},
    {"network": "impala"},
    {"network": "nature", "dueling": True, "noisy": True},
]


def _model(settings: dict, *, mixed_precision: bool = True) -> tf_keras.Model:
    config = NetworkConfig(**settings, width=0.25, mixed_precision=mixed_precision)
    return networks.build(config, num_actions=3)


def _casts(model: tf_keras.Model, calls: int, *, branch: bool = False) -> int:
    """Returns how many casts of weights are in a graph that calls the network several times in a step."""
    network = compute.optimized(model)

    @tf.function
    def several(x: tf.Tensor) -> list[tf.Tensor]:
        state = StepState()
        if branch:
            first = tf.cond(
                tf.reduce_sum(x) > 0,
                lambda: network(x, training=True, state=state),
                lambda: network(x, training=True, state=state) + 1.0,
            )
            return [first, network(x, training=True, state=state)]
        return [network(x, training=True, state=state) for _ in range(calls)]

    graph = several.get_concrete_function(tf.TensorSpec([2, 84, 84, 4])).graph
    return sum(
        operation.type == "Cast" and operation.inputs[0].op.type == "ReadVariableOp"
        for operation in graph.get_operations()
    )


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_weight_is_cast_once_for_all_calls(settings: dict) -> None:
    model = _model(settings)
    assert _casts(model, 1) == _casts(model, 3) == len(model.trainable_weights)


def test_casts_of_a_branch_are_not_used_outside() -> None:
    # That it can be built at all: a branch's tensor is unknown outside.
    model = _model({"network": "nature"})
    assert _casts(model, 1, branch=True) == _casts(model, 1)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("mixed_precision", [True, False])
def test_values_and_gradients_are_the_same(settings: dict, mixed_precision: bool, assert_close) -> None:
    model = _model(settings | {"noisy": False}, mixed_precision=mixed_precision)
    network = compute.optimized(model)
    # Two batches: of one, TensorFlow would make one call of both, and round elsewhere in bfloat16.
    x, other = tf.random.stateless_uniform([2, 2, 84, 84, 4], maxval=255.0, seed=(1, 2))

    def twice(*states: StepState) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            values = network(x, training=True, state=states[0])
            loss = tf.reduce_sum(values**2)
        return [values, network(other, state=states[1]), *tape.gradient(loss, model.trainable_variables)]

    @tf.function
    def shared() -> list[tf.Tensor]:
        state = StepState()
        return twice(state, state)

    @tf.function
    def apart() -> list[tf.Tensor]:
        return twice(StepState(), StepState())

    assert_close(shared(), apart(), 1e-6)


def test_a_changed_weight_is_read_anew_in_the_next_step() -> None:
    kernel, state = tf.Variable(tf.ones([3, 2])), StepState()
    before = weights.read(kernel, tf.bfloat16, state)
    kernel.assign(tf.zeros([3, 2]))
    assert weights.read(kernel, tf.bfloat16, state) is before
    assert before.dtype == tf.bfloat16 and tf.reduce_all(before == 1)
    for later in (StepState(), None):
        assert tf.reduce_all(weights.read(kernel, tf.bfloat16, later) == 0)


def test_a_weight_that_needs_no_cast_is_read_afresh() -> None:
    variable, state = tf.Variable([1.0]), StepState()
    np.testing.assert_array_equal(weights.read(variable, tf.float32, state), [1.0])
    variable.assign([2.0])
    np.testing.assert_array_equal(weights.read(variable, tf.float32, state), [2.0])
