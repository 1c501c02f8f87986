"""Convolution and pooling in parts, against the same of the whole batch."""

from __future__ import annotations

import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import compute
from tf_pruned_rl.compute.dense import parts

# 100x100 of 8 float32 channels are 320,000 bytes an image: 6 images are within 2 MB.
_SIZE, _CHANNELS = 100, 8


def _model(dtype: str = "float32", *, whole: bool = False) -> tf_keras.Model:
    """A convolution and a pooling; ``whole``: its outputs are those of the convolution too."""
    x = tf_keras.Input((_SIZE, _SIZE, 3))
    convolved = tf_keras.layers.Conv2D(_CHANNELS, 3, padding="same", dtype=dtype, bias_initializer="normal")(
        x
    )
    pooled = tf_keras.layers.MaxPool2D(3, strides=2, padding="same", dtype=dtype)(convolved)
    return tf_keras.Model(x, [pooled, convolved] if whole else pooled)


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


@pytest.mark.parametrize("graph", [True, False], ids=["graph", "eager"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("mixed_bfloat16", 2e-2)])
def test_values_and_gradients_are_those_of_keras(
    dtype: str, tolerance: float, graph: bool, assert_close
) -> None:
    # In bfloat16 each part's gradient of a filter is rounded (8 bits).
    model = _model(dtype)
    computation, convolution = compute.optimized(model), model.layers[1]
    x = tf.random.stateless_normal([12, _SIZE, _SIZE, 3], seed=(1, 2))

    def everything(network) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = network(x)
            loss = tf.reduce_mean(tf.cast(y, tf.float32) ** 2)
        return [y, *tape.gradient(loss, [x, convolution.kernel, convolution.bias])]

    ours, keras = (
        (
            tf.function(lambda network=each: everything(network))
            if graph
            else lambda network=each: everything(network)
        )()
        for each in (computation, model)
    )
    assert_close(ours, keras, tolerance)


def test_the_whole_is_there_for_who_reads_it(assert_close) -> None:
    model = _model(whole=True)
    x = tf.random.stateless_normal([12, _SIZE, _SIZE, 3], seed=(1, 2))
    assert_close(compute.optimized(model)(x), model(x), 1e-5)


def test_in_the_graph_a_pooling_follows_each_part() -> None:
    pooled = tf.function(compute.optimized(_model()))
    operations = pooled.get_concrete_function(tf.TensorSpec([12, _SIZE, _SIZE, 3])).graph.get_operations()
    pools = [operation for operation in operations if operation.type == "MaxPool"]
    assert [operation.inputs[0].shape[0] for operation in pools] == [6, 6]
    assert not any(
        operation.type == "ConcatV2" and operation.inputs[0].shape[1] == _SIZE for operation in operations
    )


@pytest.mark.parametrize("reader", [tf_keras.layers.ReLU(), tf_keras.layers.AveragePooling2D()], ids=type)
def test_without_a_max_pooling_the_batch_stays_whole(reader) -> None:
    x = tf_keras.Input((_SIZE, _SIZE, 3))
    model = tf_keras.Model(x, reader(tf_keras.layers.Conv2D(_CHANNELS, 3, padding="same")(x)))
    graph = (
        tf.function(compute.optimized(model))
        .get_concrete_function(tf.TensorSpec([12, _SIZE, _SIZE, 3]))
        .graph
    )
    assert [o.type for o in graph.get_operations()].count("Conv2D") == 1
