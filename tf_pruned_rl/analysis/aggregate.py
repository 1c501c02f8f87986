"""Aggregates of many runs on many games, with rliable's bootstrap intervals.

Scores are float64 [runs, games] or [runs, games, points]: every game has the same number of runs, and a
run has a score at every point of training. A statistic is taken over runs and games at each point.
Source: Agarwal et al. (2021), *Deep reinforcement learning at the edge of the statistical precipice*.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

import numpy as np

REPETITIONS = 50_000
"""Repetitions of the bootstrap: rliable's default, and the paper's."""
PROFILE_REPETITIONS = 2_000
"""Repetitions for a performance profile: rliable's default."""
LEVEL = 0.95
"""Nominal coverage of the intervals."""


@dataclass(frozen=True)
class Estimate:
    """A statistic with its interval, at each point."""

    value: np.ndarray
    """float64 [points]."""
    low: np.ndarray
    """float64 [points], lower end of the 95 % interval; NaN where there is one run only."""
    high: np.ndarray
    """float64 [points], upper end."""


def interquartile_mean(scores: np.ndarray) -> np.ndarray:
    """Returns the mean of the middle half of all runs of all games, float64 [points].

    A quarter of the runs, rounded down, is dropped at each end.
    """
    flat = _flat(scores)
    cut = len(flat) // 4
    return np.partition(flat, (cut, len(flat) - cut - 1), axis=0)[cut : len(flat) - cut].mean(axis=0)


def median(scores: np.ndarray) -> np.ndarray:
    """Returns the median over games of their means over runs, float64 [points]."""
    return np.median(_points(scores).mean(axis=0), axis=0)


def mean(scores: np.ndarray) -> np.ndarray:
    """Returns the mean over runs and games, float64 [points]."""
    return _points(scores).mean(axis=0).mean(axis=0)


def optimality_gap(scores: np.ndarray) -> np.ndarray:
    """Returns by how much scores fall short of 1 in the mean, float64 [points]; more than 1 counts as 1."""
    return 1.0 - np.minimum(_flat(scores), 1.0).mean(axis=0)


STATISTICS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "iqm": interquartile_mean,
    "median": median,
    "mean": mean,
    "optimality_gap": optimality_gap,
}
"""The statistics by name. They equal rliable's, which are slower or take one point only."""


def estimate(
    scores: np.ndarray, statistic: str = "iqm", *, repetitions: int = REPETITIONS, seed: int = 0
) -> Estimate:
    """Returns a statistic and its 95 % stratified percentile bootstrap interval.

    A repetition draws the runs of each game with replacement; the games are fixed.

    Args:
      scores: float64 [runs, games] or [runs, games, points].
      statistic: a name in ``STATISTICS``.
      repetitions: of the bootstrap.
      seed: of the bootstrap; the same scores and seed give the same interval.
    """
    return _interval(_points(scores), STATISTICS[statistic], repetitions, seed)


def profile(
    scores: np.ndarray, thresholds: np.ndarray, *, repetitions: int = PROFILE_REPETITIONS, seed: int = 0
) -> Estimate:
    """Returns the share of runs that score above each threshold, over all games.

    Args:
      scores: float64 [runs, games].
      thresholds: float64 [points].
      repetitions: of the bootstrap.
      seed: of the bootstrap.
    """

    def shares(sample: np.ndarray) -> np.ndarray:
        at_most = np.searchsorted(np.sort(sample, axis=None), thresholds, side="right")
        return 1.0 - at_most / sample.size

    return _interval(scores, shares, repetitions, seed)


def improvement(
    scores: np.ndarray, over: np.ndarray, *, repetitions: int = REPETITIONS, seed: int = 0
) -> Estimate:
    """Returns the probability that a run scores above one of another arm on the same game, float64 [1].

    The mean over games of P(X > Y) + P(X = Y) / 2.

    Args:
      scores: X, float64 [runs, games].
      over: Y, float64 [its runs, the same games].
      repetitions: of the bootstrap, which draws the runs of both.
      seed: of the bootstrap.
    """

    def probability(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 0.5 + 0.5 * np.sign(x[:, None] - y[None]).mean(keepdims=True).reshape(1)

    return _interval([scores, over], probability, repetitions, seed)


def _interval(
    scores: np.ndarray | list[np.ndarray],
    function: Callable[..., np.ndarray],
    repetitions: int,
    seed: int,
) -> Estimate:
    """Returns ``function(scores)``, or ``function(*scores)`` of a list, with its interval."""
    arrays = scores if isinstance(scores, list) else [scores]
    if all(len(array) == 1 for array in arrays):
        value = function(*arrays)
        nan = np.full_like(value, np.nan)
        return Estimate(value, nan, nan)
    with _global_generator(seed):
        values, ends = rliable().get_interval_estimates(
            {"": scores}, function, reps=repetitions, confidence_interval_size=LEVEL
        )
    return Estimate(values[""], *ends[""])


@contextlib.contextmanager
def _global_generator(seed: int) -> Iterator[None]:
    """Seeds numpy's global generator, which rliable uses, and restores its state afterwards."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)


def rliable() -> ModuleType:
    """Returns ``rliable.library``, imported at the first use.

    It needs only the bootstrap of arch. Importing all of arch takes seconds, and its releases below 8,
    which rliable requires, cannot be imported beside pandas 3.
    """
    if "rliable.library" not in sys.modules and "arch" not in sys.modules:
        spec = importlib.util.find_spec("arch")
        assert spec is not None
        sys.modules["arch"] = importlib.util.module_from_spec(spec)
        try:
            from rliable import library
        finally:
            del sys.modules["arch"]
    from rliable import library

    return library


def _points(scores: np.ndarray) -> np.ndarray:
    """Returns the scores as [runs, games, points]."""
    return scores.reshape(*scores.shape[:2], -1)


def _flat(scores: np.ndarray) -> np.ndarray:
    """Returns the scores as [runs x games, points]."""
    return scores.reshape(scores.shape[0] * scores.shape[1], -1)
