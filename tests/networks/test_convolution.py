"""The convolution with its own bias gradient, against Keras's layer."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import pruning
from tf_pruned_rl.networks.convolution import Conv2D
from tf_pruned_rl.networks.order import kernels_in_turn

_ARGUMENTS = {"filters": 5, "kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu"}


def _twins(dtype: str, in_turn: bool | None = None):
    """Ours and Keras's layer with equal weights, biases not 0."""
    rng = np.random.default_rng(2)
    kernel, bias = rng.normal(0, 0.3, (3, 3, 4, 5)), rng.normal(0, 0.3, 5)
    layers = [
        Conv2D(**_ARGUMENTS, dtype=dtype, in_turn=in_turn),
        tf_keras.layers.Conv2D(**_ARGUMENTS, dtype=dtype),
    ]
    for layer in layers:
        layer.build([None, 9, 9, 4])
        layer.set_weights([kernel, bias])
    return layers


@pytest.mark.parametrize("in_turn", [None, True, False])
@pytest.mark.parametrize("graph", [True, False], ids=["graph", "eager"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("mixed_bfloat16", 1e-6)])
def test_values_and_all_gradients_are_those_of_keras(
    dtype: str, tolerance: float, graph: bool, in_turn: bool | None
) -> None:
    # Relative to the largest entry. In bfloat16 both are the same code.
    x = tf.constant(np.random.default_rng(3).normal(0, 1, (6, 9, 9, 4)), tf.float32)

    def everything(layer):
        with kernels_in_turn(), tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(tf.cast(y, tf.float32) ** 2)
            return [y, *tape.gradient(loss, [x, layer.kernel, layer.bias])]

    ours, keras = (
        (tf.function(everything) if graph else everything)(layer) for layer in _twins(dtype, in_turn)
    )
    for mine, expected in zip(ours, keras, strict=True):
        expected = tf.cast(expected, tf.float64).numpy()
        error = np.abs(tf.cast(mine, tf.float64).numpy() - expected).max()
        assert error <= tolerance * np.abs(expected).max()


def test_the_layer_can_be_pruned_and_saved(tmp_path) -> None:
    model = tf_keras.Sequential([tf_keras.Input((9, 9, 4)), Conv2D(**_ARGUMENTS)])
    pruner = pruning.Pruner(model, sparsity=0.5, begin_step=0, end_step=1, every=1)
    pruner.after_gradient_step(tf.constant(1))
    assert pruner.sparsity() == 0.5
    x = tf.random.stateless_normal([2, 9, 9, 4], seed=(1, 2))
    tf.saved_model.save(model, str(tmp_path / "model"))
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    np.testing.assert_allclose(loaded(x), model(x), rtol=1e-6)


@pytest.mark.parametrize("in_turn", [None, True, False])
def test_a_copy_keeps_its_place_in_the_order(in_turn: bool | None) -> None:
    layer = Conv2D(**_ARGUMENTS, in_turn=in_turn)
    assert Conv2D.from_config(layer.get_config()).in_turn is in_turn
