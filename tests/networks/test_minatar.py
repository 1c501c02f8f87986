"""Networks on the 10x10 cells of MinAtar, against float64 numpy and counts by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import networks
from tf_pruned_rl.config import NetworkConfig

CHANNELS = {"Breakout": 4, "Freeway": 7, "Seaquest": 10}


def build(network: str, width: float = 1.0, channels: int = 4, num_atoms: int = 1, **settings):
    return networks.build(
        NetworkConfig(network=network, width=width, **settings),
        num_actions=6,
        num_atoms=num_atoms,
        frame_shape=(10, 10, channels),
        max_value=1,
    )


def conv(inputs: int, outputs: int) -> int:
    return 9 * inputs * outputs + outputs


def dense(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


@pytest.mark.parametrize("channels", CHANNELS.values())
@pytest.mark.parametrize("width", [1, 3])
def test_parameter_counts(width, channels):
    small = 16 * width
    expected = conv(channels, small) + dense(8 * 8 * small, 128) + dense(128, 6)
    assert build("minatar", width, channels).count_params() == expected
    # The ResNet: SAME pools leave 5x5, 3x3 and 2x2 cells.
    wide = [channels, 16 * width, 32 * width, 32 * width]
    stacks = sum(conv(a, b) + 4 * conv(b, b) for a, b in zip(wide, wide[1:], strict=False))
    resnet = build("impala", width, channels)
    assert resnet.count_params() == stacks + dense(2 * 2 * wide[-1], 512) + dense(512, 6)
    shapes = [resnet.get_layer(f"stack{number}_block2_add").output_shape[1:3] for number in (1, 2, 3)]
    assert shapes == [(5, 5), (3, 3), (2, 2)]


@pytest.mark.parametrize("num_atoms", [1, 51])
def test_small_network_equals_float64_numpy(num_atoms):
    """Relative 1e-5 of the largest value: float32 sums over a thousand inputs."""
    model = build("minatar", channels=7, num_atoms=num_atoms)
    rng = np.random.default_rng(0)
    for variable in model.variables:
        variable.assign(rng.normal(0, 0.1, variable.shape))
    frames = rng.integers(0, 2, (3, 10, 10, 7)).astype(np.uint8)
    kernel, bias, w1, b1, w2, b2 = (variable.numpy().astype(np.float64) for variable in model.variables)
    patches = np.lib.stride_tricks.sliding_window_view(frames.astype(np.float64), (3, 3), axis=(1, 2))
    hidden = np.maximum(np.einsum("nyxcij,ijco->nyxo", patches, kernel) + bias, 0)
    values = np.maximum(hidden.reshape(3, -1) @ w1 + b1, 0) @ w2 + b2
    expected = values if num_atoms == 1 else values.reshape(3, 6, 51)
    np.testing.assert_allclose(model(frames), expected, atol=1e-5 * np.abs(expected).max())


def test_initial_weights_are_glorot_uniform():
    kernels = [variable for variable in build("minatar", num_atoms=51).variables if len(variable.shape) > 1]
    fans = [9 * (4 + 16), 1024 + 128, 128 + 306]
    for kernel, fan in zip(kernels, fans, strict=True):
        limit = np.sqrt(6 / fan)
        assert np.abs(kernel).max() <= limit
        assert np.std(kernel) == pytest.approx(limit / np.sqrt(3), rel=0.1)


@pytest.mark.parametrize("network", ["impala", "minatar"])
def test_a_one_is_as_large_as_255_on_atari(network):
    model = build(network, 0.25)
    scaled = networks.build(
        NetworkConfig(network=network, width=0.25), num_actions=6, frame_shape=(10, 10, 4)
    )
    scaled.set_weights(model.get_weights())
    frames = np.random.default_rng(1).integers(0, 2, (2, 10, 10, 4)).astype(np.uint8)
    np.testing.assert_allclose(model(frames), scaled(255 * frames), rtol=1e-5, atol=1e-6)
    assert model.compute_output_shape((None, 10, 10, 4)) == tf.TensorShape((None, 6))
