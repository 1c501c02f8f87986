"""A ReLU that keeps NaN where TensorFlow joins it with a product, and otherwise is a ReLU."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import compute, networks
from tf_pruned_rl.compute import StepState
from tf_pruned_rl.compute.dense.relu import activate
from tf_pruned_rl.config import NetworkConfig
from tf_pruned_rl.networks import graph

RELU = tf_keras.activations.relu
SETTINGS = [
    {"network": "impala"},
    {"network": "impala", "dueling": True, "noisy": True},
    {"network": "nature"},
    {"network": "minatar"},
]


def _random(dtype: tf.DType) -> tf.Tensor:
    return tf.cast(np.random.default_rng(3).normal(0, 10, (64, 50)), dtype)


def test_in_a_gradient_step_values_and_gradients_are_a_relus():
    x = _random(tf.bfloat16)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = activate(x, RELU, StepState())
    # Of 50 at most, 1.2e-38 times as much is 6e-37.
    np.testing.assert_allclose(tf.cast(y, tf.float32), tf.cast(tf.nn.relu(x), tf.float32), rtol=0, atol=1e-36)
    assert y.dtype == tf.bfloat16
    upstream = _random(tf.bfloat16)[::-1]
    expected = tf.where(x > 0, upstream, tf.zeros_like(upstream))
    np.testing.assert_array_equal(tape.gradient(y, x, upstream), expected)


@pytest.mark.parametrize(
    ("state", "activation", "dtype"),
    [
        (None, RELU, tf.bfloat16),
        (StepState(), RELU, tf.float32),
        (StepState(), tf_keras.activations.tanh, tf.bfloat16),
    ],
    ids=["outside", "float32", "another activation"],
)
def test_everything_else_is_left_as_it_is(state, activation, dtype):
    x = _random(dtype)
    np.testing.assert_array_equal(activate(x, activation, state), activation(x))


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_nan_in_a_layer_reaches_the_outputs_of_a_fused_graph(settings, fused):
    config = NetworkConfig(**settings, width=0.25, mixed_precision=True)
    shape = (10, 10, 4) if settings["network"] == "minatar" else (84, 84, 4)
    model = networks.build(config, num_actions=3, frame_shape=shape)
    computation = compute.optimized(model)

    @tf.function
    def outputs(x: tf.Tensor) -> tf.Tensor:
        return computation(x, training=True, state=StepState())

    x = tf.random.stateless_uniform([32, *shape], [1, 2], 0, 255)
    assert tf.reduce_all(tf.math.is_finite(outputs(x)))
    # Not before the ResNet's max-pooling, where oneDNN loses it in any graph.
    layers = [layer for layer in graph.weighted(model) if layer not in graph.last(model)]
    layers = [layer for layer in layers if not layer.name.startswith(("stack1", "stack2", "stack3_conv"))]
    assert len(layers) >= 2
    for layer in layers:
        bias = layer.bias.numpy()
        layer.bias.assign(np.full_like(bias, np.nan))
        assert tf.reduce_all(tf.math.is_nan(outputs(x))), layer.name
        layer.bias.assign(bias)
