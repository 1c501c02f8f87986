"""The contenders' Q-network in plain Keras."""

from __future__ import annotations

from measuring import settings as s
from measuring.settings import Settings

import tf_pruned_rl  # noqa: F401
from tf_pruned_rl.runtime import muted_stderr

with muted_stderr():
    import tensorflow as tf
    import tf_keras

_LAYERS = tf_keras.layers


class Residual(_LAYERS.Layer):
    """One IMPALA stack: a convolution, a max-pool, two residual blocks."""

    def __init__(self, channels: int, **rest: object):
        super().__init__(**rest)
        self._channels = channels
        self._first = _LAYERS.Conv2D(channels, 3, padding="same")
        self._pool = _LAYERS.MaxPool2D(3, 2, padding="same")
        self._pairs = [
            (
                _LAYERS.Conv2D(channels, 3, padding="same", activation="relu"),
                _LAYERS.Conv2D(channels, 3, padding="same"),
            )
            for _ in range(2)
        ]

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Returns half the image with this stack's channels."""
        x = self._pool(self._first(x))
        for first, second in self._pairs:
            x = x + second(first(tf.nn.relu(x)))
        return x

    def get_config(self) -> dict[str, object]:
        """Returns the arguments, from which TF-Agents makes the target's copy."""
        return {**super().get_config(), "channels": self._channels}


def layers(settings: Settings, outputs: int) -> list[tf_keras.layers.Layer]:
    """Returns the layers from uint8 frames to ``outputs`` values."""
    if settings.network == "nature":
        body = [
            _LAYERS.Conv2D(
                s.channels(wide, settings.width), kernel, strides=stride, padding="same", activation="relu"
            )
            for wide, kernel, stride in s.NATURE_CONVOLUTIONS
        ]
    else:
        body = [Residual(s.channels(wide, settings.width)) for wide in s.IMPALA_STACKS] + [_LAYERS.ReLU()]
    head = [
        _LAYERS.Flatten(),
        _LAYERS.Dense(s.DENSE_UNITS, activation="relu"),
        _LAYERS.Dense(outputs),
    ]
    return [_LAYERS.Rescaling(1 / 255), *body, *head]
