"""The layers of a network, derived once more in numpy float64."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest


def _windows(x: np.ndarray, size: int, stride: int, fill: float) -> np.ndarray:
    """Returns the SAME-padded windows of [B, H, W, C]: [B, out, out, C, size, size]."""
    out = -(-x.shape[1] // stride)
    missing = max((out - 1) * stride + size - x.shape[1], 0)
    padding = (missing // 2, missing - missing // 2)
    padded = np.pad(x, ((0, 0), padding, padding, (0, 0)), constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::stride, ::stride]


def _weights(layer) -> list[np.ndarray]:
    return [w.astype(np.float64) for w in layer.get_weights()]


def _convolution(x: np.ndarray, layer, stride: int = 1) -> np.ndarray:
    kernel, bias = _weights(layer)
    return np.einsum("bxycij,ijco->bxyo", _windows(x, len(kernel), stride, 0.0), kernel, optimize=True) + bias


def _max_pool(x: np.ndarray) -> np.ndarray:
    return _windows(x, 3, 2, -np.inf).max((-2, -1))


def _dense(x: np.ndarray, layer) -> np.ndarray:
    kernel, bias = _weights(layer)
    return x @ kernel + bias


def _set_biases(model) -> None:
    """Gives every bias a value: at their initial zeros a forgotten one would go unseen."""
    rng = np.random.default_rng(5)
    for variable in model.trainable_variables:
        if variable.shape.rank == 1:
            variable.assign(rng.normal(0, 0.1, variable.shape))


@pytest.fixture(scope="session")
def reference() -> SimpleNamespace:
    return SimpleNamespace(
        convolution=_convolution,
        max_pool=_max_pool,
        dense=_dense,
        relu=lambda x: np.maximum(x, 0.0),
        set_biases=_set_biases,
        frames=np.random.default_rng(3).integers(0, 256, (2, 84, 84, 4)).astype(np.uint8),
    )
