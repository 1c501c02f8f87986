"""Effective rank (Kumar et al., 2021)."""

from __future__ import annotations

import numpy as np


def effective_rank(features: np.ndarray, delta: float = 0.01) -> int:
    """Returns srank = min {k : sum of the k largest singular values >= (1 - delta) sum of all}.

    The singular values are the square roots of the eigenvalues of the smaller Gram matrix in float64, which
    is many times as fast as a decomposition of the features. It is inexact for values below 1e-8 of the
    largest, which do not matter beside delta.

    Args:
      features: float [n, d], one state a row.
      delta: the share of the sum that may be missing, in (0, 1).

    Returns:
      An integer in [0, min(n, d)]; 0 if all features are 0.
    """
    matrix = np.asarray(features, np.float64)
    gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    values = np.sqrt(np.clip(np.linalg.eigvalsh(gram)[::-1], 0, None))
    values[values < 1e-7 * values[0]] = 0.0
    total = np.cumsum(values)
    return int(np.searchsorted(total, (1 - delta) * total[-1])) + 1 if total[-1] > 0 else 0
