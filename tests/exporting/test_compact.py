"""Compaction: planted dead channels in every position are found, and the outputs stay the same."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl.config import NetworkConfig
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.exporting.compact import compact
from tf_pruned_rl.networks import build, mlp

FRAMES = np.random.default_rng(0).integers(0, 256, (64, 28, 28, 4)).astype(np.float32)
IMPALA, NATURE = NetworkConfig(network="impala", width=0.5), NetworkConfig(network="nature", width=0.3)
STREAMS = [
    ("stack1_conv", "stack1_block1_conv2", "stack1_block2_conv2"),
    ("stack3_conv", "stack3_block1_conv2", "stack3_block2_conv2"),
]


def random_network(config: NetworkConfig, num_atoms: int = 1, seed: int = 1) -> tf_keras.Model:
    """Returns a network all of whose weights are random, the biases too."""
    model = build(config, num_actions=3, num_atoms=num_atoms, frame_shape=FRAMES.shape[1:])
    rng = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        fan_in = np.prod(weight.shape[:-1]) if len(weight.shape) > 1 else 25
        weight.assign(rng.normal(0, fan_in**-0.5, weight.shape))
    return model


def no_way_in(model: tf_keras.Model, layers: tuple[str, ...], channel: int, bias: float) -> None:
    """Zeroes the weights that lead to a channel and sets its bias."""
    for name in layers:
        kernel, biases = model.get_layer(name).get_weights()
        kernel[..., channel] = 0
        biases[channel] = bias
        model.get_layer(name).set_weights([kernel, biases])


def no_way_out(model: tf_keras.Model, layers: tuple[str, ...], channel: int, channels: int) -> None:
    """Zeroes the weights by which layers read a channel; of a flattened one, at each position."""
    for name in layers:
        kernel, *biases = model.get_layer(name).get_weights()
        kernel[..., channel::channels, :] = 0
        model.get_layer(name).set_weights([kernel, *biases])


def check_same(model: tf_keras.Model, compacted: tf_keras.Model, inputs: np.ndarray = FRAMES) -> None:
    expected, found = model(inputs).numpy(), compacted(inputs).numpy()
    assert expected.shape == found.shape
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def check_sizes(model: tf_keras.Model, compacted: tf_keras.Model, removed: dict[str, list[int]]) -> None:
    for name, gone in removed.items():
        before, after = (one.get_layer(name).kernel.shape[-1] for one in (model, compacted))
        assert after == before - len(gone), name


@pytest.mark.parametrize("config", [IMPALA, NATURE])
@pytest.mark.parametrize("num_atoms", [1, 5])
def test_nothing_goes_from_a_network_that_needs_all(config, num_atoms):
    model = random_network(config, num_atoms)
    result = compact(model)
    assert not any(result.removed.values())
    assert set(result.removed) == {layer.name for layer in model.layers if hasattr(layer, "kernel")}
    assert [layer.name for layer in result.model.layers] == [layer.name for layer in model.layers]
    for old, new in zip(model.weights, result.model.weights, strict=True):
        assert old is not new
        np.testing.assert_array_equal(old, new)


PLANTED = {
    "impala, first convolution and its stream": (IMPALA, STREAMS[0], 3),
    "impala, inside a block": (IMPALA, ("stack2_block1_conv1",), 2),
    "impala, inside the last block": (IMPALA, ("stack3_block2_conv1",), 0),
    "impala, stream before flattening": (IMPALA, STREAMS[1], 7),
    "impala, dense": (IMPALA, ("dense",), 100),
    "nature, first": (NATURE, ("conv1",), 0),
    "nature, in between": (NATURE, ("conv2",), 5),
    "nature, before flattening": (NATURE, ("conv3",), 9),
    "nature, dense": (NATURE, ("dense",), 511),
}


@pytest.mark.parametrize("place", PLANTED)
@pytest.mark.parametrize("bias", [0.0, -0.7, 0.4])
def test_what_nothing_leads_to_goes_unless_a_convolution_pads_it(place, bias):
    config, layers, channel = PLANTED[place]
    model = random_network(config)
    no_way_in(model, layers, channel, bias)
    result = compact(model)
    # A constant other than 0 that a convolution pads with zeros. The first two streams are read without
    # a ReLU too: by the next stack.
    padded = bias > 0 and "dense" not in place and place != "nature, before flattening"
    stays = padded or (bias < 0 and "its stream" in place)
    expected = [] if stays else [channel]
    assert result.removed == {name: expected if name in layers else [] for name in result.removed}
    check_same(model, result.model)
    check_sizes(model, result.model, result.removed)


READERS = {
    "impala, first convolution and its stream": (
        ("stack1_block1_conv1", "stack1_block2_conv1", "stack2_conv"),
        8,
    ),
    "impala, inside a block": (("stack2_block1_conv2",), 16),
    "impala, inside the last block": (("stack3_block2_conv2",), 16),
    "impala, stream before flattening": (("stack3_block1_conv1", "stack3_block2_conv1", "dense"), 16),
    "impala, dense": (("head",), 512),
    "nature, first": (("conv2",), 10),
    "nature, in between": (("conv3",), 19),
    "nature, before flattening": (("dense",), 19),
    "nature, dense": (("head",), 512),
}


@pytest.mark.parametrize("place", PLANTED)
def test_what_nothing_reads_goes(place):
    config, layers, channel = PLANTED[place]
    readers, channels = READERS[place]
    model = random_network(config)
    no_way_out(model, readers, channel, channels)
    result = compact(model)
    assert result.removed == {name: [channel] if name in layers else [] for name in result.removed}
    check_same(model, result.model)
    check_sizes(model, result.model, result.removed)


def test_a_channel_of_the_stream_stays_while_one_writer_or_reader_needs_it():
    for left_out in range(3):
        model = random_network(IMPALA)
        no_way_in(model, tuple(np.delete(STREAMS[0], left_out)), 3, 0.0)
        assert not any(compact(model).removed.values())
        model = random_network(IMPALA)
        readers, channels = READERS["impala, stream before flattening"]
        no_way_out(model, tuple(np.delete(readers, left_out)), 7, channels)
        assert not any(compact(model).removed.values())


def test_channels_that_only_channels_without_need_read_go_too():
    model = random_network(NATURE)
    no_way_out(model, ("head",), 4, 512)
    kernel, bias = model.get_layer("dense").get_weights()
    kernel[6::19] = 0
    kernel[6::19, 4] = 1  # conv3's channel 6 is read by the unit 4 alone
    model.get_layer("dense").set_weights([kernel, bias])
    result = compact(model)
    assert result.removed == {"conv1": [], "conv2": [], "conv3": [6], "dense": [4], "head": []}
    check_same(model, result.model)


def test_channels_that_need_only_each_other_go():
    # Channel 7 of the stream is read inside a block alone, and what that computes is added to itself.
    model = random_network(IMPALA)
    no_way_out(model, ("dense",), 7, 16)
    for block in (1, 2):
        first, second = (model.get_layer(f"stack3_block{block}_conv{number}") for number in (1, 2))
        kernel, bias = first.get_weights()
        kernel[..., 7, 1:] = 0
        first.set_weights([kernel, bias])
        kernel, bias = second.get_weights()
        kernel[..., 0, :7] = kernel[..., 0, 8:] = 0
        second.set_weights([kernel, bias])
    result = compact(model)
    inside = {"stack3_block1_conv1": [0], "stack3_block2_conv1": [0]}
    stream = dict.fromkeys(STREAMS[1], [7])
    assert {name: gone for name, gone in result.removed.items() if gone} == inside | stream
    check_same(model, result.model)


@pytest.mark.parametrize("config", [IMPALA, NATURE])
def test_a_layer_keeps_one_channel(config):
    for name in [layer.name for layer in random_network(config).layers if hasattr(layer, "kernel")][:-1]:
        model = random_network(config)
        layer = model.get_layer(name)
        kernel, bias = layer.get_weights()
        layer.set_weights([0 * kernel, bias])
        result = compact(model)
        check_same(model, result.model)
        check_sizes(model, result.model, result.removed)
        assert all(layer.kernel.shape[-1] for layer in result.model.layers if hasattr(layer, "kernel"))
    model = random_network(config)
    model.get_layer("head").set_weights([0 * weight for weight in model.get_layer("head").get_weights()])
    result = compact(model)
    assert result.model.count_params() < 500
    check_same(model, result.model)
    check_same(compact(result.model).model, result.model)


@pytest.mark.parametrize("seed", range(6))
def test_networks_that_are_sparse_at_random_stay_the_same(seed):
    """Whatever goes: any weights are zero, whole channels of them too, biases of both signs."""
    rng = np.random.default_rng(seed)
    config = (IMPALA, NATURE)[seed % 2]
    settings = {"dueling": seed > 2, "regularizer": "l2_unit" if seed in (1, 4) else "none"}
    config = NetworkConfig(**(vars(config) | settings))
    model = random_network(config, num_atoms=5 if seed in (2, 3) else 1, seed=seed)
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            kernel, bias = layer.get_weights()
            kernel *= rng.random(kernel.shape[-2:]) < 0.1
            kernel *= rng.random((kernel.shape[-2], 1)) < 0.5
            kernel *= 3 * (rng.random(kernel.shape[-1]) < 0.6)
            layer.set_weights([kernel, bias])
    result = compact(model)
    assert sum(map(len, result.removed.values())) > 20
    check_same(model, result.model)
    check_sizes(model, result.model, result.removed)
    again = compact(result.model)
    assert not any(again.removed.values())


@pytest.mark.parametrize(
    ("multiple", "left"), [(1, [9, 19, 17, 500]), (4, [10, 19, 19, 500]), (8, [10, 19, 19, 504])]
)
def test_what_is_left_is_rounded_up_with_zeros(multiple, left):
    model = random_network(NATURE)
    for name, channels in (("conv1", [3]), ("conv3", [0, 6]), ("dense", range(12))):
        for channel in channels:
            no_way_in(model, (name,), channel, -0.5)
    result = compact(model, multiple)
    layers = [result.model.get_layer(name) for name in ("conv1", "conv2", "conv3", "dense")]
    assert [layer.kernel.shape[-1] for layer in layers] == left
    check_same(model, result.model)
    check_sizes(model, result.model, result.removed)
    if multiple > 1:  # what fills up is no work for a sparse kernel
        filled = layers[2].get_weights()
        assert not filled[0][..., [0, 6]].any() and not filled[1][[0, 6]].any()
        assert not layers[3].kernel.numpy()[0::19].any() and not layers[3].kernel.numpy()[6::19].any()


def test_noisy_layers_become_those_of_their_means():
    model = random_network(NetworkConfig(network="nature", width=0.3, noisy=True, dueling=True), 5)
    no_way_in_noisy = model.get_layer("dense")
    weights = no_way_in_noisy.get_weights()
    weights[0][:, 8] = 0
    no_way_in_noisy.set_weights(weights)
    result = compact(model)
    assert result.removed["dense"] == [8]
    check_same(model, result.model)
    assert all("sigma" not in weight.name for weight in result.model.weights)


def test_a_continuous_actor():
    model = mlp.actor(0.25, 11, 3)
    rng = np.random.default_rng(2)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    no_way_in(model, ("hidden1",), 5, 0.9)
    no_way_out(model, ("output",), 9, 64)
    result = compact(model)
    assert result.removed == {"hidden1": [5], "hidden2": [9], "output": []}
    check_same(model, result.model, rng.normal(size=(64, 11)).astype(np.float32))


def test_other_layers_are_left_alone():
    layers = tf_keras.layers
    given = tf_keras.Input((8, 8, 2))
    x = layers.Conv2D(4, 3, activation="tanh", padding="valid", use_bias=False)(given)
    x = layers.Conv2D(5, 3, padding="valid", use_bias=False, name="read")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Dense(6, activation="softmax")(layers.Flatten()(x))
    model = tf_keras.Model(given, x)
    model.layers[1].set_weights([model.layers[1].get_weights()[0] * [0, 1, 1, 1]])
    model.get_layer("read").set_weights([model.get_layer("read").get_weights()[0] * [1, 1, 1, 1, 0]])
    result = compact(model)
    # The first layer's first channel goes; the normalisation keeps the last one of the second.
    assert list(result.removed.values()) == [[0], [], []]
    check_same(model, result.model, FRAMES[:, :8, :8, :2] / 255)


def test_a_constant_goes_over_into_a_new_bias():
    layers = tf_keras.layers
    given = tf_keras.Input((8, 8, 2))
    x = layers.Conv2D(4, 3, activation="sigmoid")(given)
    x = layers.Conv2D(5, 3, use_bias=False)(x)
    model = tf_keras.Model(given, x)
    model.layers[1].set_weights([model.layers[1].get_weights()[0] * [0, 1, 1, 1], np.full(4, 0.3)])
    result = compact(model)
    assert list(result.removed.values()) == [[0], []]
    check_same(model, result.model, FRAMES[:, :8, :8, :2] / 255)


def test_what_is_no_functional_network_is_refused():
    class Own(tf_keras.Model):
        pass

    with pytest.raises(UserError, match="no functional Keras model"):
        compact(Own(name="own"))
    shared = tf_keras.layers.Dense(3, name="twice")
    given = tf_keras.Input((3,))
    with pytest.raises(UserError, match="twice is called more than once"):
        compact(tf_keras.Model(given, shared(shared(given))))


def test_bfloat16_stays_bfloat16():
    model = random_network(NetworkConfig(network="nature", width=0.3, mixed_precision=True))
    no_way_in(model, ("conv2",), 1, -1.0)
    result = compact(model)
    assert result.removed["conv2"] == [1]
    assert result.model.get_layer("conv2").compute_dtype == "bfloat16"
    assert result.model.get_layer("conv2").kernel.dtype == tf.float32
