"""The machine's limits, measured in the same TensorFlow: the best convolution, and each layer alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from measuring import flops, worker
from measuring.ours import experiment_config
from measuring.settings import Settings
from tf_pruned_rl import agents
from tf_pruned_rl.environments import games
from tf_pruned_rl.quiet import hush

with hush():
    import tensorflow as tf

    from tf_pruned_rl.training.experiment import configure_tensorflow

_BATCH = 32
_PEAKS = ((42, 96), (42, 256), (21, 256), (11, 512))
"""(height and width, channels in and out) of the 3 x 3 convolutions tried for the peak rate."""
_REPEATS = 4
"""Calls of one operation per launch, one after the other: a launch costs some 50 microseconds."""


def network_layers(settings: Settings) -> list[flops.Layer]:
    """Returns the layers of our network under ``settings``."""
    actions = len(games.minimal_actions(settings.game))
    return flops.layers_of(agents.create(experiment_config(settings), actions).model)


def _repeated(operation: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> Callable[..., tf.Tensor]:
    """Returns a graph function that runs ``operation`` on each of its weights in turn."""

    @tf.function
    def run(x: tf.Tensor, weights: Sequence[tf.Tensor]) -> tf.Tensor:
        used = tf.constant(0.0)
        for weight in weights:
            # Each waits for the one before; of each a number is used, or it would be left out.
            with tf.control_dependencies([used]):
                result = tf.reshape(operation(x, weight), [-1])
            used += tf.cast(result[0], tf.float32)
        return used

    return run


def _best_seconds(call: Callable[[], object], seconds: float) -> float:
    """Returns the shortest duration of ``call``: what the machine can do undisturbed."""
    call()
    call()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


class _Timed:
    """One layer's operations at its own shape, ready to be timed: {pass: (call, times per step)}."""

    def __init__(self, layer: flops.Layer, batch_size: int, dtype: tf.DType, first: bool):
        self.layer = layer
        shapes = [batch_size, *layer.inputs], [batch_size, *layer.outputs]
        x, dy = (tf.cast(tf.random.normal(shape), dtype) for shape in shapes)
        weight_shape = [*layer.kernel, layer.inputs[-1], layer.outputs[-1]]
        weights = [tf.cast(tf.random.normal(weight_shape), dtype) for _ in range(_REPEATS)]
        # The same contents each time, but tensors of their own.
        dys = [tf.identity(dy) for _ in range(_REPEATS)]
        if layer.kernel:
            calls = self._convolution(weight_shape)
        else:
            calls = (
                tf.matmul,
                lambda x, dy: tf.matmul(x, dy, transpose_a=True),
                lambda dy, w: tf.matmul(dy, w, transpose_b=True),
            )
        forward, to_weights, to_inputs = map(_repeated, calls)
        self.calls = {
            "forward": (lambda: forward(x, weights).numpy(), 2),  # online and target network
            "to weights": (lambda: to_weights(x, dys).numpy(), 1),
        }
        if not first:
            self.calls["to inputs"] = (lambda: to_inputs(dy, weights).numpy(), 1)

    def _convolution(self, weight_shape: list[int]) -> tuple[Callable[..., tf.Tensor], ...]:
        stride = [1, self.layer.stride, self.layer.stride, 1]

        def forward(x: tf.Tensor, w: tf.Tensor) -> tf.Tensor:
            return tf.nn.conv2d(x, w, stride, "SAME")

        def to_weights(x: tf.Tensor, dy: tf.Tensor) -> tf.Tensor:
            return tf.raw_ops.Conv2DBackpropFilter(
                input=x, filter_sizes=weight_shape, out_backprop=dy, strides=stride, padding="SAME"
            )

        def to_inputs(dy: tf.Tensor, w: tf.Tensor) -> tf.Tensor:
            sizes = [dy.shape[0], *self.layer.inputs]
            return tf.raw_ops.Conv2DBackpropInput(
                input_sizes=sizes, filter=w, out_backprop=dy, strides=stride, padding="SAME"
            )

        return forward, to_weights, to_inputs

    def milliseconds(self, seconds: float) -> float:
        """Returns this layer's share of a gradient step."""
        share = seconds / len(self.calls)
        return sum(_best_seconds(call, share) / _REPEATS * times * 1e3 for call, times in self.calls.values())


class Floor:
    """A Reporter of limits: ``peak`` and ``layers``."""

    def __init__(self, settings: Settings):
        configure_tensorflow(experiment_config(settings))
        self._layers = network_layers(settings)
        self._settings = settings
        self._types = [tf.float32, tf.bfloat16]
        self._alone = {dtype: self._distinct(dtype) for dtype in self._types}
        self._peaks = [self._peak_call(*shape, dtype) for dtype in self._types for shape in _PEAKS]

    @staticmethod
    def _peak_call(size: int, channels: int, dtype: tf.DType) -> tuple[str, str, int, Callable[[], object]]:
        layer = flops.Layer("", (size, size, channels), (size, size, channels), (3, 3))
        x = tf.cast(tf.random.normal([_BATCH, *layer.inputs]), dtype)
        w = tf.cast(tf.random.normal([3, 3, channels, channels]), dtype)
        function = _repeated(lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"))
        name = f"{size}x{size} {channels}->{channels}"
        return dtype.name, name, layer.forward * _BATCH, lambda: function(x, [w]).numpy()

    def about(self) -> dict[str, object]:
        """Returns the operations counted."""
        return {
            "layers": len(self._layers),
            "forward_operations": flops.forward(self._layers),
            "train_step_operations": flops.train_step(self._layers, self._settings.batch_size),
        }

    def peak(self, seconds: float) -> dict[str, float]:
        """Returns {"dtype shape": operations per second}, the best of each shape's runs."""
        share = seconds / len(self._peaks)
        return {
            f"{dtype} {name}": operations / _best_seconds(call, share)
            for dtype, name, operations, call in self._peaks
        }

    def layers(self, seconds: float) -> dict[str, float]:
        """Returns {"dtype layer": milliseconds in a gradient step}; layers of one shape are timed once."""
        results = {}
        for dtype in self._types:
            alone = self._alone[dtype]
            for key, timed in alone.items():
                alone_ms = timed.milliseconds(seconds / len(self._types) / len(alone))
                for layer in self._layers:
                    if _shape(layer) == key:
                        results[f"{dtype.name} {layer.name}"] = alone_ms
        return results

    def _distinct(self, dtype: tf.DType) -> dict[tuple[object, ...], _Timed]:
        return {
            _shape(layer): _Timed(layer, self._settings.batch_size, dtype, layer is self._layers[0])
            for layer in self._layers
        }


def _shape(layer: flops.Layer) -> tuple[object, ...]:
    return layer.inputs, layer.outputs, layer.kernel, layer.stride


if __name__ == "__main__":
    worker.serve(Floor)
