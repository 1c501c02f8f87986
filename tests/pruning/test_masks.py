"""The masks in tfmot's wrappers, around layers that do not change; and masks of groups."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tf_keras

from tf_pruned_rl.networks.noisy import NoisyDense
from tf_pruned_rl.pruning import groups, kernels, masks
from tf_pruned_rl.pruning.schedule import NEVER, CubicSparsity


def wrapped(*layers: tf_keras.layers.Layer) -> tuple[tf_keras.Model, list[masks.MaskedKernel]]:
    model = tf_keras.Sequential([tf_keras.Input((6,)), *layers])
    of_model = kernels.find(model)
    return model, masks.wrap(of_model, {kernel.name: CubicSparsity(0.5, 2, 10) for kernel in of_model})


def test_each_kernel_has_a_mask_of_ones_and_the_network_stays_what_it_was():
    model, held = wrapped(tf_keras.layers.Dense(5, name="one"), tf_keras.layers.Dense(3, name="two"))
    assert [one.kernel.name for one in held] == ["one", "two"]
    for one, layer in zip(held, model.layers, strict=True):
        assert one.kernel.variable is layer.kernel and one.wrapper.layer is layer
        np.testing.assert_array_equal(one.mask, np.ones(layer.kernel.shape))
        assert int(one.wrapper.pruning_step) == NEVER
    assert len(model.trainable_variables) == 4 and {type(layer) for layer in model.layers} == {
        tf_keras.layers.Dense
    }


def test_groups_are_wrapped_each_under_its_own_schedule():
    one, two = tf_keras.layers.Dense(5, name="one"), tf_keras.layers.Dense(3, name="two")
    of_model = kernels.find(tf_keras.Sequential([tf_keras.Input((6,)), one, two]))
    wrapped_groups = masks.wrap_groups(
        groups.plan(of_model, "unstructured"),
        {"one": 0.25, "two": 0.75},
        lambda share: CubicSparsity(share, 2, 10),
    )
    assert [group.schedule.final_sparsity for group in wrapped_groups] == [0.25, 0.75]
    for group, layer in zip(wrapped_groups, (one, two), strict=True):
        (masked,) = group.masked
        assert masked.kernel.variable is layer.kernel and masked.wrapper.layer is layer
        assert masked.schedule.final_sparsity == group.schedule.final_sparsity


def test_two_kernels_of_a_layer_share_a_wrapper_and_have_a_mask_each():
    _, (mean, sigma) = wrapped(NoisyDense(4, name="noisy"))
    assert mean.wrapper is sigma.wrapper
    assert mean.mask is not sigma.mask and mean.kernel.variable is not sigma.kernel.variable


def test_state_names_every_mask_threshold_and_step():
    _, held = wrapped(tf_keras.layers.Dense(5, name="one"), tf_keras.layers.Dense(3, name="two"))
    state = masks.state(held)
    assert set(state) == {f"pruning/{n}/{p}" for n in ("one", "two") for p in ("mask", "threshold", "step")}
    assert state["pruning/two/mask"] is held[1].mask


def test_masked_zeros_have_no_sign():
    weights = tf.Variable([-1.0, 2.0, -3.0, np.nan])
    masks.apply_mask(weights, tf.Variable([0.0, 1.0, 1.0, 0.0]))
    assert weights.numpy().tolist() == [0.0, 2.0, -3.0, 0.0]
    assert not np.signbit(weights.numpy()[[0, 3]]).any()
