"""The angles between the gradients of single transitions (Lyle et al., 2023; the paper, figure 13)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def gram(gradients: Sequence[np.ndarray], masks: Sequence[np.ndarray | None] | None = None) -> np.ndarray:
    """Returns <g_i, g_j>, float64 [k, k].

    Args:
      gradients: for each parameter tensor, float [k, *shape]: the gradients of k transitions' losses.
      masks: for each tensor its mask, [*shape], to leave out pruned weights; None for all weights.
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
    """Returns the share of negative entries off the diagonal: gradients that oppose each other."""
    return float((off_diagonal(matrix) < 0).mean())


def heat_map(matrix: np.ndarray, cell: int = 8) -> np.ndarray:
    """Returns uint8 [k cell, k cell, 3]: 1 is dark blue, 0 white, -1 dark red (the paper, figure 13)."""
    red, white, blue = np.array([103, 0, 31]), np.array([247, 247, 247]), np.array([5, 48, 97])
    share = np.clip(matrix, -1, 1)[:, :, None]
    colours = white + np.abs(share) * (np.where(share < 0, red, blue) - white)
    return np.kron(np.round(colours).astype(np.uint8), np.ones((cell, cell, 1), np.uint8))
