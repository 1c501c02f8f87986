"""How the gradients of single transitions lie to each other (Lyle et al., 2023; the paper, figure 13)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def gram(gradients: Sequence[np.ndarray], masks: Sequence[np.ndarray | None] | None = None) -> np.ndarray:
    """Returns <g_i, g_j>, float64 [k, k].

    Args:
      gradients: for each parameter tensor, float [k, *shape]: the gradients of k transitions' losses.
      masks: for each tensor its mask, [*shape], where pruned weights are not to count; None for all.
    """
    count = gradients[0].shape[0]
    total = np.zeros((count, count))
    for gradient, mask in zip(gradients, masks or [None] * len(gradients), strict=True):
        rows = gradient.reshape(count, -1)
        if mask is not None:
            rows = rows[:, np.asarray(mask).ravel() != 0]
        rows = rows.astype(np.float64)
        total += rows @ rows.T
    return total


def covariance(products: np.ndarray) -> np.ndarray:
    """Returns C_ij = <g_i, g_j> / (|g_i| |g_j|), float64 [k, k]; 0 where a gradient is 0.

    Args:
      products: float64 [k, k], see ``gram``.
    """
    norms = np.sqrt(np.diag(products))
    return np.clip(products / np.maximum(np.outer(norms, norms), np.finfo(float).tiny), -1, 1)


def off_diagonal(matrix: np.ndarray) -> np.ndarray:
    """Returns the entries [k (k - 1)] that are not on the diagonal."""
    return matrix[~np.eye(len(matrix), dtype=bool)]


def mean_size(matrix: np.ndarray) -> float:
    """Returns the mean absolute value off the diagonal: 1 where all gradients are co-linear."""
    return float(np.abs(off_diagonal(matrix)).mean())


def negative_share(matrix: np.ndarray) -> float:
    """Returns the share of negative entries off the diagonal: transitions that undo each other."""
    return float((off_diagonal(matrix) < 0).mean())
