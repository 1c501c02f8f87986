"""The networks of continuous control: sizes as published, initial weights, shapes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tf_pruned_rl.networks import mlp

# (observations, actions): parameters of the actor and of a critic at width 1 and at width 5.
COUNTS = {
    "HalfCheetah, Walker2d": (17, 6, 73_484, 72_193, 1_678_092, 1_671_681),
    "Hopper": (11, 3, 70_406, 69_889, 1_662_726, 1_660_161),
    "Ant": (111, 8, 98_576, 96_769, 1_803_536, 1_794_561),
    "Humanoid": (376, 17, 171_042, 166_913, 2_165_794, 2_145_281),
}


@pytest.mark.parametrize("task", COUNTS)
def test_parameters_are_as_published(task):
    seen, acted, *expected = COUNTS[task]
    counts = [make(width, seen, acted).count_params() for width in (1, 5) for make in (mlp.actor, mlp.critic)]
    assert counts == expected


@pytest.mark.parametrize("width", [0.25, 1.0])
def test_kernels_are_glorot_uniform_and_biases_zero(width):
    for model in (mlp.actor(width, 17, 6), mlp.critic(width, 17, 6)):
        for kernel, bias in zip(model.weights[::2], model.weights[1::2], strict=True):
            limit = math.sqrt(6 / sum(kernel.shape))
            values = kernel.numpy()
            assert 0.9 * limit < np.abs(values).max() <= limit
            if values.size > 1000:
                assert values.std() == pytest.approx(limit / math.sqrt(3), rel=0.05)
            assert not bias.numpy().any()


def test_two_hidden_relu_layers_and_a_linear_one():
    model = mlp.critic(0.25, 3, 2)
    x = np.random.default_rng(0).standard_normal((4, 5)).astype(np.float32)
    y = x
    for number in range(3):
        y = y @ model.weights[2 * number].numpy() + model.weights[2 * number + 1].numpy()
        y = np.maximum(y, 0) if number < 2 else y
    np.testing.assert_allclose(model(x), y, rtol=1e-4, atol=1e-6)
