"""What there is to prune, in Keras models and in TF-Agents' networks."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_agents.networks import q_network
from tf_agents.specs import tensor_spec

from tf_pruned_rl.errors import UserError
from tf_pruned_rl.pruning import kernels

layers = tf_keras.layers


def _names(network: object) -> list[str]:
    return [kernel.name for found in kernels.find(network) for kernel in found]


def test_nested_layers_in_order_without_biases_and_norms() -> None:
    inner = tf_keras.Sequential([layers.Flatten(), layers.Dense(5, name="inner_dense")], name="inner")
    inputs = tf_keras.Input((9, 9, 2))
    x = layers.Conv2D(4, 3, strides=2, padding="same", name="conv")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    model = tf_keras.Model(inputs, layers.Dense(3, name="head")(inner(x)))
    (found,) = kernels.find(model)
    assert [kernel.name for kernel in found] == ["conv", "inner_dense", "head"]
    assert [kernel.shape for kernel in found] == [(3, 3, 2, 4), (100, 5), (5, 3)]
    assert [kernel.positions for kernel in found] == [25, 1, 1]
    assert [kernel.macs for kernel in found] == [72 * 25, 500, 15]


def test_q_network_with_preprocessing_and_convolutions() -> None:
    frame = tensor_spec.BoundedTensorSpec(
        (12, 12, 2), tf.float32, np.zeros((12, 12, 2)), np.ones((12, 12, 2))
    )
    spec = {"frame": frame, "speed": tensor_spec.TensorSpec((3,), tf.float32)}
    network = q_network.QNetwork(
        spec,
        tensor_spec.BoundedTensorSpec((), tf.int32, 0, 3),
        preprocessing_layers={
            "frame": tf_keras.Sequential([layers.Conv2D(4, 3, strides=2), layers.Flatten()]),
            "speed": layers.Dense(6),
        },
        preprocessing_combiner=layers.Concatenate(),
        fc_layer_params=(8,),
    )
    network.create_variables()
    (found,) = kernels.find(network)
    assert sorted(kernel.shape for kernel in found) == [(3, 3, 2, 4), (3, 6), (8, 4), (106, 8)]
    assert [kernel.positions for kernel in found if len(kernel.shape) == 4] == [25]
    assert len({kernel.name for kernel in found}) == 4


def test_a_layer_used_twice_counts_once() -> None:
    shared = layers.Dense(4, name="shared")
    inputs = tf_keras.Input((4,))
    assert _names(tf_keras.Model(inputs, shared(shared(inputs)))) == ["shared"]


def test_repeated_names_are_numbered() -> None:
    model = tf_keras.Sequential(
        [tf_keras.Sequential([layers.Dense(4, name="dense")], name=f"part{i}") for i in range(3)]
    )
    model.build((None, 4))
    assert _names(model) == ["dense", "dense_1", "dense_2"]


class _TwoKernels(layers.Layer):
    """A layer of one's own with two kernels, as a noisy one has."""

    def build(self, input_shape: tf.TensorShape) -> None:
        self.mean = self.add_weight("mean", (input_shape[-1], 3))
        self.scale = self.add_weight("scale", (input_shape[-1], 3))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return x @ (self.mean + self.scale)


class _TwoPrunable(_TwoKernels):
    def get_prunable_weights(self) -> list[tf.Variable]:
        return [self.mean, self.scale]


def test_a_layer_of_ones_own_says_what_is_prunable() -> None:
    model = tf_keras.Sequential([_TwoPrunable(name="noisy", input_shape=(4,))])
    assert _names(model) == ["noisy/mean", "noisy/scale"]
    with pytest.raises(UserError, match="get_prunable_weights"):
        kernels.find(tf_keras.Sequential([_TwoKernels(input_shape=(4,))]))


def test_refuses_what_is_not_built_or_not_a_network() -> None:
    with pytest.raises(UserError, match="build"):
        kernels.find(tf_keras.Sequential([layers.Dense(3)]))
    with pytest.raises(UserError, match="no kernel"):
        kernels.find(object())
