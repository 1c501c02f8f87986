"""Graphs that TensorFlow fuses, and a comparison of tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import runtime


@pytest.fixture
def fused():
    """Turns TensorFlow's fusions on."""
    before = tf.config.optimizer.get_experimental_options().get("remapping", True)
    runtime.graph_fusions(True)
    yield
    runtime.graph_fusions(before)


@pytest.fixture(scope="session")
def assert_close() -> Callable[..., None]:
    def check(ours: Iterable[tf.Tensor], expected: Iterable[tf.Tensor], tolerance: float) -> None:
        """Compares tensor by tensor, relative to the largest entry of each; types are equal too."""
        for mine, right in zip(ours, expected, strict=True):
            assert mine.dtype == right.dtype
            right = tf.cast(right, tf.float64).numpy()
            error = np.abs(tf.cast(mine, tf.float64).numpy() - right).max()
            assert error <= tolerance * np.abs(right).max()

    return check
