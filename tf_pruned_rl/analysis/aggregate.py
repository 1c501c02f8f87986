"""Aggregates of many runs on many games, with bootstrap intervals, as rliable makes them.

Scores are float64 [runs, games] or [runs, games, points]: every game has equally many runs, and a run
has a score at every point of training. A statistic is over runs and games, at each point by itself.
Source: Agarwal et al. (2021), *Deep reinforcement learning at the edge of the statistical precipice*.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

REPETITIONS = 50_000
"""Of the bootstrap, as rliable's default and the paper's."""
PROFILE_REPETITIONS = 2_000
"""Of the bootstrap of a performance profile, as rliable's default."""
LEVEL = 0.95
"""Probability that an interval is to cover the truth."""


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

    A quarter, rounded down, is left out at each end.
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
"""The statistics by name. They equal rliable's, which are slower or for one point only."""


def estimate(
    scores: np.ndarray, statistic: str = "iqm", *, repetitions: int = REPETITIONS, seed: int = 0
) -> Estimate:
    """Returns a statistic and its 95 % stratified percentile bootstrap interval.

    A repetition draws as many runs of each game, with replacement; the games stay.

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

    def shares(drawn: np.ndarray) -> np.ndarray:
        above = np.searchsorted(np.sort(drawn, axis=None), thresholds, side="right")
        return 1.0 - above / drawn.size

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

    def probability(drawn: np.ndarray, other: np.ndarray) -> np.ndarray:
        return 0.5 + 0.5 * np.sign(drawn[:, None] - other[None]).mean(keepdims=True).reshape(1)

    return _interval([scores, over], probability, repetitions, seed)


def _interval(
    scores: np.ndarray | list[np.ndarray],
    function: Callable[..., np.ndarray],
    repetitions: int,
    seed: int,
) -> Estimate:
    """Returns ``function(scores)``, or ``function(*scores)`` of a list, with its interval."""
    arrays = scores if isinstance(scores, list) else [scores]
    if all(len(each) == 1 for each in arrays):
        value = function(*arrays)
        nothing = np.full_like(value, np.nan)
        return Estimate(value, nothing, nothing)
    with _global_generator(seed):
        value_of, ends = _rliable().get_interval_estimates(
            {"": scores}, function, reps=repetitions, confidence_interval_size=LEVEL
        )
    return Estimate(value_of[""], *ends[""])


@contextlib.contextmanager
def _global_generator(seed: int) -> Iterator[None]:
    """Seeds numpy's global generator, from which rliable draws, and puts it back."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)


def _rliable():
    """Returns ``rliable.library``, imported when it is needed.

    It uses the bootstrap of arch. The rest of arch, which its package would import first, takes seconds,
    and its releases below 8, which rliable asks for, cannot be imported beside pandas 3.
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
