"""The machine's limits, measured in the same TensorFlow: the best operation, and each layer alone."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

from measuring import flops, worker
from measuring.ours import experiment_config
from measuring.settings import AnySettings, Settings
from tf_pruned_rl import agents
from tf_pruned_rl.environments import DiscreteSpec, games
from tf_pruned_rl.runtime import muted_stderr

with muted_stderr():
    import tensorflow as tf


_CONVOLUTIONS = tuple(
    flops.Layer(f"{size}x{size} {channels}->{channels}", *2 * ((size, size, channels),), (3, 3))
    for size, channels in ((42, 96), (42, 256), (21, 256), (11, 512))
)
"""The convolutions tried for the peak rate, 32 samples at a time."""
_REPEATS = 4
"""Calls of one operation per launch, one after the other: a launch costs some 50 microseconds."""


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
    """One layer's operations at its own shape, ready to be timed: [(call of a pass, times per step)]."""

    def __init__(self, use: flops.Use, batch_size: int, dtype: tf.DType):
        self.layer = layer = use.layer
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
        self.calls = [
            (lambda: forward(x, weights).numpy(), use.forward),
            (lambda: to_weights(x, dys).numpy(), use.to_weights),
            (lambda: to_inputs(dy, weights).numpy(), use.to_inputs),
        ]

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
        used = [(call, times) for call, times in self.calls if times]
        share = seconds / len(used)
        return sum(_best_seconds(call, share) / _REPEATS * times * 1e3 for call, times in used)


class Floor:
    """A Reporter of limits: ``peak`` and ``layers``."""

    def __init__(
        self,
        uses: Sequence[flops.Use],
        batch_size: int,
        *,
        acting: Sequence[flops.Layer],
        peaks: Sequence[tuple[flops.Layer, int]],
        dtypes: Sequence[tf.DType],
    ):
        """Makes every tensor.

        Args:
          uses: of the layers, in a gradient step.
          batch_size: samples of a gradient step.
          acting: the layers that choose an action.
          peaks: (layer, samples) tried for the best rate.
          dtypes: to measure.
        """
        self._uses, self._batch_size, self._acting = uses, batch_size, acting
        self._alone = {
            dtype: {_shape(use): _Timed(use, batch_size, dtype) for use in uses} for dtype in dtypes
        }
        self._peaks = [_peak_call(*peak, dtype) for dtype in dtypes for peak in peaks]

    def about(self) -> dict[str, object]:
        """Returns the operations counted."""
        return {
            "layers": len(self._uses),
            "forward_operations": flops.forward(self._acting),
            "train_step_operations": flops.train_step(self._uses, self._batch_size),
        }

    def peak(self, seconds: float) -> dict[str, float]:
        """Returns {"dtype shape": operations per second}, the best of each shape's runs."""
        share = seconds / len(self._peaks)
        return {name: operations / _best_seconds(call, share) for name, operations, call in self._peaks}

    def layers(self, seconds: float) -> dict[str, float]:
        """Returns {"dtype layer": milliseconds in a gradient step}; layers of one shape are timed once."""
        results = {}
        for dtype, alone in self._alone.items():
            for key, timed in alone.items():
                alone_ms = timed.milliseconds(seconds / len(self._alone) / len(alone))
                for use in self._uses:
                    if _shape(use) == key:
                        results[f"{dtype.name} {use.layer.name}"] = alone_ms
        return results


def _peak_call(layer: flops.Layer, batch_size: int, dtype: tf.DType) -> tuple[str, int, Callable[[], object]]:
    """Returns what is run as "dtype shape", its operations, and a call of it."""
    x = tf.cast(tf.random.normal([batch_size, *layer.inputs]), dtype)
    w = tf.cast(tf.random.normal([*layer.kernel, layer.inputs[-1], layer.outputs[-1]]), dtype)
    function = _repeated((lambda x, w: tf.nn.conv2d(x, w, 1, "SAME")) if layer.kernel else tf.matmul)
    return f"{dtype.name} {layer.name}", layer.forward * batch_size, lambda: function(x, [w]).numpy()


def _shape(use: flops.Use) -> tuple[object, ...]:
    return dataclasses.astuple(dataclasses.replace(use, layer=dataclasses.replace(use.layer, name="")))


def use_every_core(settings: AnySettings) -> None:
    """Gives one operation at a time all the cores: a run may share them out otherwise, a limit may not."""
    tf.config.threading.set_intra_op_parallelism_threads(settings.threads)


def q_network_floor(settings: Settings) -> Floor:
    """Returns the floor of our Q-network under ``settings``."""
    use_every_core(settings)
    run = experiment_config(settings)
    layers = flops.layers_of(
        agents.create(run, DiscreteSpec(len(games.minimal_actions(settings.game)))).model
    )
    return Floor(
        flops.q_learning(layers),
        settings.batch_size,
        acting=layers,
        peaks=[(layer, 32) for layer in _CONVOLUTIONS],
        dtypes=[tf.float32, tf.bfloat16],
    )


if __name__ == "__main__":
    worker.serve(q_network_floor)
