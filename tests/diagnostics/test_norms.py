"""Norms and variances, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tf_pruned_rl.diagnostics import norms


def test_by_hand():
    assert norms.q_variance(np.array([1.0, 2.0, 3.0, 6.0])) == pytest.approx(3.5, rel=1e-12)
    assert norms.q_norm(np.array([[3.0, 4.0], [0.0, 1.0]])) == pytest.approx(3.0, rel=1e-12)
    parameters = [np.full((2, 2), 2.0), np.array([3.0])]
    assert norms.parameters_norm(parameters) == pytest.approx(5.0, rel=1e-12)
    assert norms.mean_parameters_norm(parameters) == pytest.approx(3.5, rel=1e-12)


def test_float32_is_summed_in_float64():
    rng = np.random.default_rng(0)
    values = (1000 + rng.normal(size=(4096, 3))).astype(np.float32)
    exact = values.astype(np.float64)
    assert norms.q_variance(values[:, 0]) == pytest.approx(np.var(exact[:, 0]), rel=1e-9)
    assert norms.parameters_norm([values]) == pytest.approx(np.sqrt((exact**2).sum()), rel=1e-9)
