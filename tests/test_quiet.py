"""Start-up chatter is held back, and shown when something goes wrong."""

from __future__ import annotations

import os

import pytest

from tf_pruned_rl.quiet import hush, leave_out_fusions


def test_nothing_reaches_stderr(capfd):
    with hush():
        os.write(2, b"chatter from C++\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


@pytest.mark.parametrize("mixed_precision", [False, True])
def test_without_fusions_what_is_not_a_number_stays_one(mixed_precision):
    # The first layer's biases are NaN, before a ReLU.
    import tensorflow as tf

    from tf_pruned_rl import networks
    from tf_pruned_rl.config import NetworkConfig

    leave_out_fusions()
    assert tf.config.optimizer.get_experimental_options()["remapping"] is False
    config = NetworkConfig(network="nature", width=0.25, mixed_precision=mixed_precision)
    model = networks.build(config, num_actions=2)
    model.get_layer("conv1").bias.assign(tf.fill(model.get_layer("conv1").bias.shape, float("nan")))
    assert tf.reduce_all(tf.math.is_nan(tf.function(model)(tf.zeros([2, 84, 84, 4]))))


def test_an_error_shows_what_was_held_back(capfd):
    with pytest.raises(ValueError, match="broken"), hush():
        os.write(2, b"the reason\n")
        raise ValueError("broken")
    assert capfd.readouterr().err == "the reason\n"
