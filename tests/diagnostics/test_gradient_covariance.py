"""Gradient covariance: a linear network whose gradients are written by hand, and its summary."""

from __future__ import annotations

import numpy as np
import pytest

from tf_pruned_rl.diagnostics import gradient_covariance

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(6, 4)), RNG.normal(size=6)
W, B = RNG.normal(size=4), 0.3
# loss = (w x + b - y)^2: d/dw = 2 e x, d/db = 2 e.
ERRORS = 2 * (X @ W + B - Y)
BY_W, BY_B = ERRORS[:, None] * X, ERRORS[:, None]


def test_linear_network_by_hand():
    cosines = gradient_covariance.covariance(gradient_covariance.gram([BY_W, BY_B]))
    for i in range(6):
        for j in range(6):
            sign = np.sign(ERRORS[i] * ERRORS[j])
            cosine = (X[i] @ X[j] + 1) / np.sqrt((X[i] @ X[i] + 1) * (X[j] @ X[j] + 1))
            assert cosines[i, j] == pytest.approx(sign * cosine, rel=1e-9)


def test_pruned_weights_do_not_count():
    mask = np.array([1, 0, 0, 1])
    products = gradient_covariance.gram([BY_W, BY_B], [mask, None])
    np.testing.assert_allclose(products, BY_W[:, [0, 3]] @ BY_W[:, [0, 3]].T + BY_B @ BY_B.T, rtol=1e-12)


def test_summary_and_gradients_that_vanish():
    matrix = np.array([[1, 0.5, -0.2], [0.5, 1, 0], [-0.2, 0, 1]])
    assert gradient_covariance.mean_size(matrix) == pytest.approx(1.4 / 6)
    assert gradient_covariance.negative_share(matrix) == pytest.approx(2 / 6)
    silent = gradient_covariance.covariance(np.diag([4.0, 0.0]))
    assert silent.tolist() == [[1, 0], [0, 0]]


def test_heat_map_has_the_papers_colours():
    picture = gradient_covariance.heat_map(np.array([[1.0, -1.0], [0.0, 1.0]]), cell=2)
    assert picture.shape == (4, 4, 3) and picture.dtype == np.uint8
    assert picture[0, 0].tolist() == [5, 48, 97] and picture[1, 3].tolist() == [103, 0, 31]
    assert picture[3, 0].tolist() == [247, 247, 247]
