"""The effective rank against a singular value decomposition in float64, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tf_pruned_rl.diagnostics.srank import effective_rank


def reference(features: np.ndarray, delta: float) -> int:
    values = np.linalg.svd(features.astype(np.float64), compute_uv=False)
    share = np.cumsum(values) / values.sum()
    return next(k for k, reached in enumerate(share, 1) if reached >= 1 - delta)


@pytest.mark.parametrize("shape", [(200, 30), (30, 200), (64, 64)])
@pytest.mark.parametrize("delta", [0.01, 0.2])
def test_equals_a_decomposition(shape, delta):
    rng = np.random.default_rng(0)
    features = (rng.normal(size=shape) * rng.uniform(0.01, 3, shape[1])).astype(np.float32)
    assert effective_rank(features, delta) == reference(features, delta)


@pytest.mark.parametrize("rank", [1, 4, 9])
def test_known_rank(rank):
    rng = np.random.default_rng(1)
    left, right = (np.linalg.qr(rng.normal(size=(n, rank)))[0] for n in (50, 20))
    assert effective_rank(left @ right.T, 0.01) == rank


def test_by_hand():
    features = np.diag([90.0, 9.0, 0.5, 0.5])
    assert [effective_rank(features, delta) for delta in (0.2, 0.02, 0.008, 0.001)] == [1, 2, 3, 4]
    assert effective_rank(np.zeros((5, 3))) == 0
