"""The order of kernels' gradients: the same numbers, and who waits for whom in the graph."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import networks
from tf_pruned_rl.compute import StepState
from tf_pruned_rl.compute.dense import order
from tf_pruned_rl.compute.dense.order import Turn
from tf_pruned_rl.config import NetworkConfig

# Of each layer, from the first: its turn, and whether its kernel's gradient comes after the inputs'.
_LAYERS = [
    (Turn.FREE, False),
    (Turn.WAITING, False),
    (Turn.WAITING, False),
    (Turn.CHAINED, False),
    (Turn.CHAINED, False),
    (Turn.CHAINED, True),
]


def _backward(state: StepState | None) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Returns the gradients of the inputs and kernels of a chain of products, from the first layer."""
    kernels = [tf.random.stateless_normal([3, 3], seed=(1, number)) for number in range(len(_LAYERS))]
    inputs = [tf.random.stateless_normal([2, 3], seed=(2, 0))]
    with tf.GradientTape() as tape:
        tape.watch([inputs[0], *kernels])
        for kernel, (turn, after_inputs) in zip(kernels, _LAYERS, strict=True):
            product = order.product(tf.matmul, inputs[-1], kernel, state, turn, after_inputs=after_inputs)
            inputs.append(product)
        loss = tf.reduce_sum(inputs[-1] ** 2)
    gradients = tape.gradient(loss, [*inputs[:-1], *kernels])
    return gradients[: len(_LAYERS)], gradients[len(_LAYERS) :]


def _waits(gradient: tf.Tensor) -> set[str]:
    return {operation.name for operation in gradient.op.control_inputs}


@pytest.mark.parametrize("graph", [True, False], ids=["graph", "eager"])
def test_gradients_are_those_of_the_plain_products(graph: bool) -> None:
    def plain():
        return _backward(None)

    def ordered():
        return _backward(StepState())

    ours, expected = ((tf.function(each) if graph else each)() for each in (ordered, plain))
    for mine, right in zip(tf.nest.flatten(ours), tf.nest.flatten(expected), strict=True):
        np.testing.assert_array_equal(mine, right)


def test_who_waits_for_whom() -> None:
    with tf.Graph().as_default():
        inputs, kernels = _backward(StepState())
        assert _waits(kernels[5]) == {inputs[5].op.name}
        assert _waits(kernels[4]) == {kernels[5].op.name}
        assert _waits(kernels[3]) == {kernels[4].op.name}
        # Those that are not chained wait for the last that is, and not for each other.
        assert _waits(kernels[2]) == _waits(kernels[1]) == {kernels[3].op.name}
        assert not _waits(kernels[0])
        assert not any(_waits(gradient) for gradient in inputs)


def test_two_steps_do_not_wait_for_each_other() -> None:
    with tf.Graph().as_default():
        _backward(StepState())
        inputs, kernels = _backward(StepState())
        assert _waits(kernels[5]) == {inputs[5].op.name}


def test_nothing_is_ordered_outside_of_a_step() -> None:
    with tf.Graph().as_default():
        _, kernels = _backward(None)
        assert not any(_waits(gradient) for gradient in kernels)


def _turns(network: str) -> dict[str, Turn]:
    model = networks.build(NetworkConfig(network=network, width=0.25), num_actions=3)
    return {layer.name: turn for layer, turn in order.turns(model).items()}


def test_the_resnets_small_images_are_chained_and_its_first_convolution_is_free() -> None:
    turns = _turns("impala")
    assert len(turns) == 15 and turns.pop("stack1_conv") is Turn.FREE
    for name, turn in turns.items():  # 42x42, then 21x21 and 11x11
        large = name.startswith("stack1") or name == "stack2_conv"
        assert turn is (Turn.WAITING if large else Turn.CHAINED), name


def test_few_convolutions_are_all_free() -> None:
    assert _turns("nature") == {"conv1": Turn.FREE, "conv2": Turn.FREE, "conv3": Turn.FREE}
