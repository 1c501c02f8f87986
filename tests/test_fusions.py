"""Graph fusions are turned on and off, and off they let NaN through."""

from __future__ import annotations

import pytest
import tensorflow as tf

from tf_pruned_rl import fusions, networks
from tf_pruned_rl.config import NetworkConfig


@pytest.fixture(autouse=True)
def _as_before():
    before = tf.config.optimizer.get_experimental_options().get("remapping", True)
    yield
    fusions.enable(before)


@pytest.mark.parametrize("enabled", [False, True])
def test_the_next_graph_is_made_with_or_without_them(enabled):
    fusions.enable(enabled)
    assert tf.config.optimizer.get_experimental_options()["remapping"] is enabled


@pytest.mark.parametrize("mixed_precision", [False, True])
def test_without_them_what_is_not_a_number_stays_one(mixed_precision):
    # The first layer's biases are NaN, before a ReLU.
    fusions.enable(False)
    config = NetworkConfig(network="nature", width=0.25, mixed_precision=mixed_precision)
    model = networks.build(config, num_actions=2)
    model.get_layer("conv1").bias.assign(tf.fill(model.get_layer("conv1").bias.shape, float("nan")))
    assert tf.reduce_all(tf.math.is_nan(tf.function(model)(tf.zeros([2, 84, 84, 4]))))
