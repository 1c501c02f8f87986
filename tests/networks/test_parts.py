"""Convolution and pooling in parts, against the same of the whole batch."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl.networks import parts
from tf_pruned_rl.networks.parts import PartedConv2D, PartedMaxPool2D

# 100x100 of 8 float32 channels are 320,000 bytes an image: 6 images are within 2 MB.
_SIZE, _CHANNELS = 100, 8


def _layers(dtype: str = "float32") -> tuple[PartedConv2D, PartedMaxPool2D]:
    convolution = PartedConv2D(_CHANNELS, 3, padding="same", dtype=dtype, bias_initializer="normal")
    return convolution, PartedMaxPool2D(3, strides=2, padding="same", dtype=dtype)


def _sizes(batch: int | None, image_bytes: int) -> list[int | None]:
    with tf.Graph().as_default():
        found = parts.split(tf.compat.v1.placeholder(tf.float32, [batch, 2, 2, 1]), image_bytes)
    return [part.shape[0] for part in found]


@pytest.mark.parametrize(
    ("batch", "image_bytes", "expected"),
    [
        (32, 84 * 84 * 16 * 4, [4] * 8),
        (32, 84 * 84 * 16 * 2, [8] * 4),
        (32, 84 * 84 * 48 * 4, [4] * 8),  # never fewer than four
        (32, 21 * 21 * 32 * 4, [32]),
        (32, 10 * 10 * 16 * 4, [32]),
        (6, 2**20, [3, 3]),
        (7, 2**20, [3, 4]),
        (1, 2**24, [1]),
        (None, 2**24, [None]),
    ],
)
def test_sizes(batch: int | None, image_bytes: int, expected: list[int | None]) -> None:
    assert _sizes(batch, image_bytes) == expected


def test_a_gpu_is_given_the_whole(monkeypatch) -> None:
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: ["one"])
    assert _sizes(32, 2**20) == [32]


@pytest.mark.parametrize("graph", [True, False], ids=["graph", "eager"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("mixed_bfloat16", 2e-2)])
def test_values_and_gradients_are_those_of_keras(dtype: str, tolerance: float, graph: bool) -> None:
    # Relative to the largest entry. In bfloat16 each part's gradient of a filter is rounded (8 bits).
    ours = _layers(dtype)
    keras = (
        tf_keras.layers.Conv2D(_CHANNELS, 3, padding="same", dtype=dtype),
        tf_keras.layers.MaxPool2D(3, strides=2, padding="same", dtype=dtype),
    )
    x = tf.random.stateless_normal([12, _SIZE, _SIZE, 3], seed=(1, 2))
    ours[0].build(x.shape)
    keras[0].build(x.shape)
    keras[0].set_weights(ours[0].get_weights())

    def everything(convolution: tf_keras.layers.Layer, pool: tf_keras.layers.Layer) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = pool(convolution(x))
            loss = tf.reduce_mean(tf.cast(y, tf.float32) ** 2)
        return [y, *tape.gradient(loss, [x, convolution.kernel, convolution.bias])]

    for mine, expected in zip(
        *((tf.function(everything) if graph else everything)(*layers) for layers in (ours, keras)),
        strict=True,
    ):
        expected = tf.cast(expected, tf.float64).numpy()
        error = np.abs(tf.cast(mine, tf.float64).numpy() - expected).max()
        assert error <= tolerance * np.abs(expected).max()


def test_the_whole_is_there_for_whom_reads_it() -> None:
    convolution, _ = _layers()
    x = tf.random.stateless_normal([12, _SIZE, _SIZE, 3], seed=(1, 2))
    whole = convolution(x)
    expected = tf.nn.conv2d(x, convolution.kernel, 1, "SAME") + convolution.bias
    np.testing.assert_allclose(whole, expected, rtol=1e-4, atol=1e-4)


def test_in_the_graph_a_pooling_follows_each_part() -> None:
    convolution, pool = _layers()

    @tf.function
    def pooled(x: tf.Tensor) -> tf.Tensor:
        return pool(convolution(x))

    operations = pooled.get_concrete_function(tf.TensorSpec([12, _SIZE, _SIZE, 3])).graph.get_operations()
    pools = [operation for operation in operations if operation.type == "MaxPool"]
    assert [operation.inputs[0].shape[0] for operation in pools] == [6, 6]
