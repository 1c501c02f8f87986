"""Size and spread of values and weights (the paper, figure 11).

The paper gives names only (docs/deviations.md). All are computed in float64.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def q_variance(values: np.ndarray) -> float:
    """Returns the variance over a batch (divided by B), of estimates Q(s, a) or of their targets.

    Args:
      values: float [B].
    """
    return float(np.var(np.asarray(values, np.float64)))


def q_norm(values: np.ndarray) -> float:
    """Returns the mean over a batch of the Euclidean norm of Q(s, .).

    Args:
      values: float [B, A].
    """
    return float(np.linalg.norm(np.asarray(values, np.float64), axis=1).mean())


def parameters_norm(parameters: Sequence[np.ndarray]) -> float:
    """Returns the Euclidean norm of all parameters together."""
    return float(np.sqrt(sum(np.sum(np.square(p, dtype=np.float64)) for p in parameters)))


def mean_parameters_norm(parameters: Sequence[np.ndarray]) -> float:
    """Returns the mean over tensors of each one's Euclidean norm."""
    return float(np.mean([parameters_norm([p]) for p in parameters]))
