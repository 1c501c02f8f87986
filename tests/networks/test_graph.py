"""Who reads whom, and which layers are hidden, last, rectified: in every network there is."""

from __future__ import annotations

import numpy as np
import pytest
import tf_keras

from tf_pruned_rl import networks
from tf_pruned_rl.config import NetworkConfig
from tf_pruned_rl.networks import graph, mlp


def build(network: str = "nature", **changes) -> tf_keras.Model:
    return networks.build(NetworkConfig(network=network, width=0.25, **changes), num_actions=3)


def names(layers) -> list[str]:
    return [layer.name for layer in layers]


def readers(model: tf_keras.Model) -> dict[str, list[str]]:
    return {layer.name: names(graph.readers(layer)) for layer in graph.weighted(model)}


def test_nature_is_a_chain():
    model = build()
    chain = ["conv1", "conv2", "conv3", "dense", "head"]
    assert names(graph.weighted(model)) == chain
    assert names(graph.rectified(model)) == chain[:-1]
    assert readers(model) == dict(zip(chain, [[name] for name in chain[1:]] + [[]], strict=True))
    assert names(graph.last(model)) == ["head"] and names(graph.penultimate(model)) == ["dense"]


def test_a_dueling_network_has_two_ends():
    model = build(dueling=True)
    assert sorted(names(graph.last(model))) == ["advantage", "value"]
    assert names(graph.penultimate(model)) == ["dense"]
    assert sorted(readers(model)["dense"]) == ["advantage", "value"]
    assert graph.features(model)["penultimate"].shape[1] == 512


def test_normalised_features_are_what_the_head_reads():
    model = build(regularizer="l2_unit")
    assert readers(model)["dense"] == ["head"]
    probe = tf_keras.Model(model.inputs, graph.features(model)["penultimate"])
    frames = np.random.default_rng(0).integers(0, 256, (3, 84, 84, 4)).astype(np.uint8)
    np.testing.assert_allclose(np.linalg.norm(probe(frames), axis=1), 1, rtol=1e-5)


def test_resnet_reads_across_its_residual_additions():
    model = build("impala")
    read = readers(model)
    # The stream of a stack: read by its blocks, and by the next stack or the dense layer.
    for stack, following in ((1, "stack2_conv"), (2, "stack3_conv"), (3, "dense")):
        first, second = f"stack{stack}_block1_conv", f"stack{stack}_block2_conv"
        assert sorted(read[f"stack{stack}_conv"]) == sorted([f"{first}1", f"{second}1", following])
        assert sorted(read[f"{first}2"]) == sorted([f"{second}1", following])
        assert read[f"{second}2"] == [following]
        for conv in (first, second):
            assert read[f"{conv}1"] == [f"{conv}2"]
    assert read["dense"] == ["head"] and read["head"] == []


def test_resnet_has_the_hidden_neurons_that_dopamine_records():
    # 12 sets of channels and the dense layer: 320 w + 512 neurons.
    for width, neurons in ((1, 832), (3, 1_472)):
        model = networks.build(NetworkConfig(network="impala", width=width), num_actions=3)
        layers = graph.rectified(model)
        assert len(layers) == 13
        assert sum(layer.output.shape[-1] for layer in layers) == neurons


@pytest.mark.parametrize(("network", "size"), [("nature", 11 * 11 * 16), ("impala", 11 * 11 * 8)])
def test_features(network, size):
    found = graph.features(build(network))
    assert {name: each.shape[1] for name, each in found.items()} == {"penultimate": 512, "encoder": size}


def test_networks_of_vectors_have_no_encoder():
    model = mlp.actor(0.25, observation_size=5, action_size=1)
    assert set(graph.features(model)) == {"penultimate"}
    assert names(graph.rectified(model)) == ["hidden1", "hidden2"]
    assert names(graph.last(model)) == ["output"] and names(graph.penultimate(model)) == ["hidden2"]


def test_kernels_and_biases_of_a_noisy_layer():
    (layer,) = graph.last(build(noisy=True))
    assert [v is w for v, w in zip(graph.kernels(layer), (layer.kernel, layer.kernel_sigma), strict=True)]
    assert [v is w for v, w in zip(graph.biases(layer), (layer.bias, layer.bias_sigma), strict=True)]
    assert graph.is_rectified(build(noisy=True).get_layer("dense"))
