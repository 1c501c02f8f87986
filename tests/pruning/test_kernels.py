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


def _names(network: layers.Layer) -> list[str]:
    return [kernel.name for kernel in kernels.find(network)]


def test_nested_layers_in_order_without_biases_and_norms() -> None:
    inner = tf_keras.Sequential([layers.Flatten(), layers.Dense(5, name="inner_dense")], name="inner")
    inputs = tf_keras.Input((9, 9, 2))
    x = layers.Conv2D(4, 3, strides=2, padding="same", name="conv")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    model = tf_keras.Model(inputs, layers.Dense(3, name="head")(inner(x)))
    of_model = kernels.find(model)
    assert [kernel.name for kernel in of_model] == ["conv", "inner_dense", "head"]
    assert [kernel.shape for kernel in of_model] == [(3, 3, 2, 4), (100, 5), (5, 3)]
    assert [kernel.positions for kernel in of_model] == [25, 1, 1]
    assert [kernel.macs for kernel in of_model] == [72 * 25, 500, 15]


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
    of_network = kernels.find(network)
    assert sorted(kernel.shape for kernel in of_network) == [(3, 3, 2, 4), (3, 6), (8, 4), (106, 8)]
    assert [kernel.positions for kernel in of_network if len(kernel.shape) == 4] == [25]
    assert len({kernel.name for kernel in of_network}) == 4


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
        kernels.find_all(kernels.networks_of(object()))


def _mlp(*names: str) -> tf_keras.Model:
    return tf_keras.Sequential([tf_keras.Input((4,)), *(layers.Dense(4, name=name) for name in names)])


def test_several_networks_have_their_names_in_those_of_the_kernels() -> None:
    actor = _mlp("hidden", "output")
    networks = {"actor": actor, "flat": tf_keras.Sequential([layers.Flatten()]), "critic": _mlp("hidden")}
    names = {name: [kernel.name for kernel in of] for name, of in kernels.find_all(networks).items()}
    assert names == {"actor": ["actor/hidden", "actor/output"], "critic": ["critic/hidden"]}
    assert [kernel.name for kernel in kernels.find_all({"actor": actor})["actor"]] == ["hidden", "output"]
    assert list(kernels.find_all({"online": actor, "again": actor})) == ["online"]


@pytest.mark.parametrize(
    ("prune_layers", "exclude", "names"),
    [
        ("", "", "actor/one actor/two actor/output critic/one critic/output"),
        ("output", "", "actor/output critic/output"),
        ("actor/*", "", "actor/one actor/two actor/output"),
        ("one, actor/tw?", "", "actor/one actor/two critic/one"),
        ("o*", "output", "actor/one critic/one"),
        ("*t*", "", "actor/two actor/output critic/output"),
        ("", "*/output,two", "actor/one critic/one"),
        ("", lambda layer: layer.name != "two", "actor/two"),
    ],
)
def test_selection_by_pattern_and_function(prune_layers, exclude, names) -> None:
    networks = {"actor": _mlp("one", "two", "output"), "critic": _mlp("one", "output")}
    selection = kernels.select(kernels.find_all(networks), prune_layers, exclude)
    assert [kernel.name for of_network in selection.values() for kernel in of_network] == names.split()


@pytest.mark.parametrize(
    ("prune_layers", "exclude", "says"),
    [
        (
            "one,three*",
            "",
            r"--prune_layers=one,three\*: three\* matches no layer; the layers .* are one, two$",
        ),
        ("", "dense", "--exclude=dense: dense matches no layer"),
        ("one", "*", "no layer remains to be pruned"),
    ],
)
def test_a_selection_of_nothing_is_refused(prune_layers, exclude, says) -> None:
    with pytest.raises(UserError, match=says):
        kernels.select(kernels.find_all({"online": _mlp("one", "two")}), prune_layers, exclude)
