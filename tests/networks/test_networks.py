"""Building a network from its configuration."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import networks
from tf_pruned_rl.config import NetworkConfig
from tf_pruned_rl.errors import UserError

# Weights and biases for 4, 6 and 18 actions, added up by hand from Dopamine's layer shapes.
_PARAMETERS = {
    ("impala", 1, 1): (2_082_772, 2_083_798, 2_089_954),
    ("impala", 3, 1): (6_823_796, 6_824_822, 6_830_978),
    ("impala", 5, 1): (12_338_964, 12_339_990, 12_346_146),
    ("impala", 1, 51): (2_185_372, 2_237_698, 2_551_654),
    ("impala", 3, 51): (6_926_396, 6_978_722, 7_292_678),
    ("impala", 5, 51): (12_441_564, 12_493_890, 12_807_846),
    ("nature", 1, 1): (4_045_476, 4_046_502, 4_052_658),
    ("nature", 3, 1): (12_549_092, 12_550_118, 12_556_274),
    ("nature", 5, 1): (21_609_764, 21_610_790, 21_616_946),
    ("nature", 1, 51): (4_148_076, 4_200_402, 4_514_358),
    ("nature", 3, 51): (12_651_692, 12_704_018, 13_017_974),
    ("nature", 5, 51): (21_712_364, 21_764_690, 22_078_646),
}


@pytest.mark.parametrize(("network", "width", "num_atoms"), _PARAMETERS)
def test_parameter_counts(network: str, width: int, num_atoms: int) -> None:
    config = NetworkConfig(network=network, width=width)
    with tf.Graph().as_default():  # counts without drawing 10 million weights
        counts = tuple(
            networks.build(config, num_actions=actions, num_atoms=num_atoms).count_params()
            for actions in (4, 6, 18)
        )
    assert counts == _PARAMETERS[network, width, num_atoms]


@pytest.mark.parametrize(
    ("settings", "num_atoms", "expected"),
    [
        ({"dueling": True}, 1, (6_824_309, 6_825_335, 6_831_491)),  # DrQ(eps)
        ({"dueling": True, "noisy": True}, 51, (13_031_278, 13_135_930, 13_763_842)),  # DER
    ],
)
def test_parameter_counts_of_dueling_and_noisy_heads(settings: dict, num_atoms: int, expected: tuple) -> None:
    config = NetworkConfig(network="impala", width=3, **settings)
    with tf.Graph().as_default():
        counts = tuple(
            networks.build(config, num_actions=actions, num_atoms=num_atoms).count_params()
            for actions in (4, 6, 18)
        )
    assert counts == expected


@pytest.mark.parametrize(("network", "convolutions"), [("impala", 15), ("nature", 3)])
def test_layers_are_plain_and_named(network: str, convolutions: int) -> None:
    model = networks.build(NetworkConfig(network=network, width=0.25), num_actions=6)
    weighted = [layer for layer in model.layers if layer.weights]
    assert all(type(layer) is tf_keras.layers.Conv2D for layer in weighted[:convolutions])
    assert [type(layer) for layer in weighted[convolutions:]] == [tf_keras.layers.Dense] * 2
    names = [layer.name for layer in model.layers if layer.weights]
    assert names[-2:] == ["dense", "head"]
    assert names[0] == {"impala": "stack1_conv", "nature": "conv1"}[network]


@pytest.mark.parametrize(
    ("width", "channels"), [(0.25, {4, 8}), (0.3, {5, 10}), (1.5, {24, 48}), (2.0, {32, 64})]
)
def test_width_scales_the_convolutions_only(width: float, channels: set[int]) -> None:
    model = networks.build(NetworkConfig(network="impala", width=width), num_actions=6)
    found = {layer.filters for layer in model.layers if isinstance(layer, tf_keras.layers.Conv2D)}
    assert found == channels
    assert model.get_layer("dense").units == 512


@pytest.mark.parametrize("network", ["impala", "nature"])
def test_mixed_precision_computes_in_bfloat16_and_keeps_float32_weights(network: str) -> None:
    # bfloat16 has 8 bits: agreement to 5 % of the largest value is what 3 to 17 layers leave.
    single = networks.build(NetworkConfig(network=network, width=0.25), num_actions=6)
    mixed = networks.build(NetworkConfig(network=network, width=0.25, mixed_precision=True), num_actions=6)
    mixed.set_weights(single.get_weights())
    frames = np.random.default_rng(0).integers(0, 256, (4, 84, 84, 4)).astype(np.uint8)
    expected, values = single(frames), mixed(frames)
    assert values.dtype == tf.float32
    assert {v.dtype for v in mixed.variables} == {tf.float32}
    assert {layer.compute_dtype for layer in mixed.layers if layer.weights} == {"bfloat16"}
    assert np.abs(values - expected).max() <= 0.05 * np.abs(expected).max()


def test_seed_decides_the_weights() -> None:
    def kernels(seed: int) -> list[np.ndarray]:
        tf_keras.utils.set_random_seed(seed)
        return networks.build(NetworkConfig(network="nature", width=0.25), num_actions=6).get_weights()

    same = [np.array_equal(a, b) for a, b in zip(kernels(1), kernels(1), strict=True)]
    assert all(same)
    assert not np.array_equal(kernels(1)[0], kernels(2)[0])


@pytest.mark.parametrize("width", [0, -1, 0.2, float("nan")])
def test_refuses_a_width_too_small(width: float) -> None:
    with pytest.raises(UserError, match="width"):
        networks.build(NetworkConfig(width=width), num_actions=6)


def test_refuses_an_unknown_network_and_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean impala"):
        networks.build(NetworkConfig(network="imapla"), num_actions=6)


def test_scaling_is_a_factor_alone() -> None:
    model = networks.build(NetworkConfig(network="nature", width=0.25, mixed_precision=True), num_actions=2)
    scale = tf.function(model.get_layer("scale"))
    frames = tf.constant([[0.0, 51.0, 255.0]])
    np.testing.assert_array_equal(scale(frames), np.float32([[0, 51, 255]]) * np.float32(1 / 255))
    operations = scale.get_concrete_function(frames).graph.get_operations()
    assert not any(operation.type.startswith("Add") for operation in operations)
