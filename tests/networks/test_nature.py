"""The Nature network against a float64 derivation."""

from __future__ import annotations

import numpy as np
import pytest

from tf_pruned_rl import networks
from tf_pruned_rl.config import NetworkConfig

_CONFIG = NetworkConfig(network="nature", width=0.25)


def test_forward_equals_the_float64_derivation(reference) -> None:
    # Tolerance 1e-4 of the largest value: float32 sums over up to 1,936 products.
    model = networks.build(_CONFIG, num_actions=4, num_atoms=5)
    reference.set_biases(model)
    x = reference.frames / 255.0
    for name, stride in (("conv1", 4), ("conv2", 2), ("conv3", 1)):
        x = reference.relu(reference.convolution(x, model.get_layer(name), stride))
    x = reference.relu(reference.dense(x.reshape(len(x), -1), model.get_layer("dense")))
    expected = reference.dense(x, model.get_layer("head")).reshape(-1, 4, 5)
    assert np.abs(model(reference.frames).numpy() - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("num_atoms", [1, 51])
def test_kernels_are_uniform_with_dopamines_limits(num_atoms: int) -> None:
    # DQN: sqrt(6 / (fan_in + fan_out)). Rainbow: sqrt(3 * scale / fan_in) with scale 1 / sqrt(3).
    model = networks.build(_CONFIG, num_actions=6, num_atoms=num_atoms)
    for layer in model.layers:
        if not layer.weights:
            continue
        kernel, bias = layer.get_weights()
        receptive = np.prod(kernel.shape[:-2])
        fan_in, fan_out = receptive * kernel.shape[-2], receptive * kernel.shape[-1]
        limit = np.sqrt(6 / (fan_in + fan_out)) if num_atoms == 1 else np.sqrt(np.sqrt(3) / fan_in)
        assert 0.98 * limit < np.abs(kernel).max() <= limit * (1 + 1e-6), layer.name
        assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.05), layer.name
        assert not bias.any()
