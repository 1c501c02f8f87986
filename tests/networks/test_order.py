"""The order of kernels' gradients: the same numbers, and who waits for whom in the graph."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import networks
from tf_pruned_rl.config import NetworkConfig
from tf_pruned_rl.networks import order

# Of each layer, from the first: whether its kernel's gradient has its turn, and comes after the inputs'.
_LAYERS = [(False, False), (False, False), (True, False), (True, False), (True, True)]


def _backward() -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Returns the gradients of the inputs and kernels of a chain of products, from the first layer."""
    kernels = [tf.random.stateless_normal([3, 3], seed=(1, number)) for number in range(len(_LAYERS))]
    inputs = [tf.random.stateless_normal([2, 3], seed=(2, 0))]
    with tf.GradientTape() as tape:
        tape.watch([inputs[0], *kernels])
        for kernel, (in_turn, after_inputs) in zip(kernels, _LAYERS, strict=True):
            inputs.append(
                order.product(tf.matmul, inputs[-1], kernel, in_turn=in_turn, after_inputs=after_inputs)
            )
        loss = tf.reduce_sum(inputs[-1] ** 2)
    gradients = tape.gradient(loss, [*inputs[:-1], *kernels])
    return gradients[: len(_LAYERS)], gradients[len(_LAYERS) :]


def _in_order() -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    with order.kernels_in_turn():
        return _backward()


def _waits(gradient: tf.Tensor) -> set[str]:
    return {operation.name for operation in gradient.op.control_inputs}


@pytest.mark.parametrize("graph", [True, False], ids=["graph", "eager"])
def test_gradients_are_those_of_the_plain_products(graph: bool) -> None:
    plain, ordered = ((tf.function(each) if graph else each)() for each in (_backward, _in_order))
    for mine, expected in zip(tf.nest.flatten(ordered), tf.nest.flatten(plain), strict=True):
        np.testing.assert_array_equal(mine, expected)


def test_who_waits_for_whom() -> None:
    with tf.Graph().as_default():
        inputs, kernels = _in_order()
        assert _waits(kernels[4]) == {inputs[4].op.name}
        assert _waits(kernels[3]) == {kernels[4].op.name}
        assert _waits(kernels[2]) == {kernels[3].op.name}
        # Those without a turn wait for the last that had one, and not for each other.
        assert _waits(kernels[1]) == _waits(kernels[0]) == {kernels[2].op.name}
        assert not any(_waits(gradient) for gradient in inputs)


def test_two_passes_do_not_wait_for_each_other() -> None:
    with tf.Graph().as_default():
        _in_order()
        inputs, kernels = _in_order()
        assert _waits(kernels[4]) == {inputs[4].op.name}


def test_nothing_is_ordered_outside_nor_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), order.kernels_in_turn():
        raise ZeroDivisionError
    with tf.Graph().as_default():
        _, kernels = _backward()
        assert not any(_waits(gradient) for gradient in kernels)


@pytest.mark.parametrize("mixed_precision", [False, True])
@pytest.mark.parametrize("network", ["impala", "nature", "minatar"])
def test_a_network_has_the_same_gradients(network: str, mixed_precision: bool) -> None:
    shape = (10, 10, 4) if network == "minatar" else (84, 84, 4)
    config = NetworkConfig(network=network, width=0.25, mixed_precision=mixed_precision)
    model = networks.build(config, num_actions=3, frame_shape=shape)
    x = tf.random.stateless_uniform([4, *shape], maxval=255.0, seed=(3, 4))

    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x, training=True) ** 2)
        return tape.gradient(loss, model.trainable_variables)

    def ordered() -> list[tf.Tensor]:
        with order.kernels_in_turn():
            return gradients()

    # One part in a million of the largest entry: sums over images may be split differently.
    for mine, expected in zip(tf.function(ordered)(), tf.function(gradients)(), strict=True):
        np.testing.assert_allclose(mine, expected, atol=1e-6 * np.abs(expected).max())
