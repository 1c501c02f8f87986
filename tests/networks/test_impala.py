"""The IMPALA ResNet against a float64 derivation."""

from __future__ import annotations

import numpy as np
import pytest

from tf_pruned_rl import networks
from tf_pruned_rl.config import NetworkConfig


def _forward(model, reference) -> np.ndarray:
    """Returns the Q-values: convolution, pool, two residual blocks per stack; dense; head."""
    x = reference.frames / 255.0
    for stack in (1, 2, 3):
        x = reference.max_pool(reference.convolution(x, model.get_layer(f"stack{stack}_conv")))
        for block in (1, 2):
            y = reference.convolution(reference.relu(x), model.get_layer(f"stack{stack}_block{block}_conv1"))
            y = reference.convolution(reference.relu(y), model.get_layer(f"stack{stack}_block{block}_conv2"))
            x = x + y
    x = reference.relu(x).reshape(len(x), -1)
    x = reference.relu(reference.dense(x, model.get_layer("dense")))
    return reference.dense(x, model.get_layer("head"))


def test_forward_equals_the_float64_derivation(reference) -> None:
    # Tolerance 1e-4 of the largest value: float32 sums over 1,000 products, 17 layers deep.
    model = networks.build(NetworkConfig(network="impala", width=0.25), num_actions=6)
    reference.set_biases(model)
    expected = _forward(model, reference)
    assert np.abs(model(reference.frames).numpy() - expected).max() <= 1e-4 * np.abs(expected).max()


def test_first_convolutions_are_glorot_and_residual_ones_lecun() -> None:
    # Glorot's uniform has standard deviation sqrt(2 / (fan_in + fan_out)) and ends at sqrt(3) of it.
    # LeCun's normal is cut at two of the uncut deviations, 2 / 0.8796 = 2.274 of its own sqrt(1 / fan_in).
    model = networks.build(NetworkConfig(network="impala", width=2), num_actions=6)
    for layer in model.layers:
        if not layer.weights:
            continue
        kernel, bias = layer.get_weights()
        receptive = np.prod(kernel.shape[:-2])
        fan_in, fan_out = receptive * kernel.shape[-2], receptive * kernel.shape[-1]
        residual = "block" in layer.name
        deviation = np.sqrt(1 / fan_in) if residual else np.sqrt(2 / (fan_in + fan_out))
        ends = 2.274 if residual else np.sqrt(3)
        assert kernel.std() == pytest.approx(deviation, rel=0.1), layer.name
        assert 0.9 * ends < np.abs(kernel).max() / deviation <= 1.001 * ends, layer.name
        assert not bias.any()
