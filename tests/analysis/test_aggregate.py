"""Aggregates: equal to rliable's own functions and to scipy; intervals that cover the truth."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from tf_pruned_rl.analysis import aggregate

# The package makes rliable importable beside pandas 3.
library = aggregate.rliable()
metrics = pytest.importorskip("rliable.metrics")

BY_HAND = {
    "iqm": metrics.aggregate_iqm,
    "median": metrics.aggregate_median,
    "mean": metrics.aggregate_mean,
    "optimality_gap": metrics.aggregate_optimality_gap,
}


def some_scores(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(sigma=1.0, size=shape)


@pytest.mark.parametrize("name", list(aggregate.STATISTICS))
@pytest.mark.parametrize("shape", [(5, 15), (3, 4), (2, 1), (7, 3)])
def test_equal_to_rliable_by_hand(name, shape):
    scores = some_scores(*shape)
    ours = aggregate.estimate(scores, name, repetitions=300, seed=7)
    np.random.seed(7)
    points, intervals = library.get_interval_estimates(
        {"a": scores}, lambda sample: np.array([BY_HAND[name](sample)]), reps=300
    )
    np.testing.assert_allclose(ours.value, points["a"], rtol=1e-12)
    np.testing.assert_allclose([ours.low, ours.high], intervals["a"], rtol=1e-12)


@pytest.mark.parametrize("name", list(aggregate.STATISTICS))
def test_every_point_by_itself_as_rliable_by_hand(name):
    scores = some_scores(4, 5, 3)
    ours = aggregate.estimate(scores, name, repetitions=200, seed=1)
    np.random.seed(1)
    points, intervals = library.get_interval_estimates(
        {"a": scores},
        lambda sample: np.array([BY_HAND[name](sample[..., point]) for point in range(3)]),
        reps=200,
    )
    np.testing.assert_allclose(ours.value, points["a"], rtol=1e-12)
    np.testing.assert_allclose([ours.low, ours.high], intervals["a"], rtol=1e-12)


@pytest.mark.parametrize("runs_and_games", [(5, 15), (5, 55), (5, 17), (5, 26), (1, 1), (1, 2), (3, 1)])
def test_interquartile_mean_is_scipys_trimmed_mean(runs_and_games):
    scores = some_scores(*runs_and_games)
    expected = scipy.stats.trim_mean(scores, 0.25, axis=None)
    np.testing.assert_allclose(aggregate.interquartile_mean(scores), [expected], rtol=1e-12)


def test_interquartile_mean_of_the_paper_drops_18_of_75_at_each_end():
    scores = np.arange(75.0).reshape(5, 15)
    scores[scores > 56] = 1e9
    assert aggregate.interquartile_mean(scores) == np.mean(np.arange(18, 57))


def test_worked_by_hand():
    scores = np.array([[0.0, 1.0], [2.0, 5.0]])
    assert aggregate.interquartile_mean(scores) == 1.5  # of 0 1 2 5: the middle two
    assert aggregate.median(scores) == 2.0  # of the games' means 1 and 3
    assert aggregate.mean(scores) == 2.0
    assert aggregate.optimality_gap(scores) == 0.25  # 1 - (0 + 1 + 1 + 1) / 4
    # Game 1: 0, 2 against 1, 1: a half. Game 2: 1, 5 against 1, 9: 1=1, 1<9, 5>1, 5<9: 1.5 of 4.
    better = aggregate.improvement(scores, np.array([[1.0, 1.0], [1.0, 9.0]]), repetitions=10)
    assert better.value == (2 / 4 + 1.5 / 4) / 2
    above = aggregate.profile(scores, np.array([-1.0, 0.0, 1.0, 4.9, 5.0]), repetitions=10)
    assert above.value.tolist() == [1.0, 0.75, 0.5, 0.25, 0.0]


def test_profile_is_rliables():
    scores, thresholds = some_scores(4, 6), np.linspace(0, 3, 7)
    ours = aggregate.profile(scores, thresholds, repetitions=200, seed=3)
    np.random.seed(3)
    points, intervals = library.create_performance_profile({"a": scores}, thresholds, reps=200)
    np.testing.assert_allclose(ours.value, points["a"], atol=1e-12)
    np.testing.assert_allclose([ours.low, ours.high], intervals["a"], atol=1e-12)


def test_improvement_is_rliables():
    x, y = some_scores(4, 3), np.round(some_scores(5, 3, seed=1), 1)
    y[:3, 0] = x[:3, 0]  # ties
    ours = aggregate.improvement(x, y, repetitions=50, seed=3)
    np.random.seed(3)
    points, intervals = library.get_interval_estimates(
        {"a": [x, y]}, lambda x, y: np.array([metrics.probability_of_improvement(x, y)]), reps=50
    )
    np.testing.assert_allclose(ours.value, points["a"], atol=1e-12)
    np.testing.assert_allclose([ours.low, ours.high], intervals["a"], atol=1e-12)
    same = aggregate.improvement(x, x, repetitions=20)
    assert same.value == 0.5 and same.low < 0.5 < same.high


def test_same_seed_same_interval_and_the_global_generator_is_left_as_it_was():
    scores = some_scores(4, 5)
    np.random.seed(5)
    expected = np.random.random(3)
    np.random.seed(5)
    first = aggregate.estimate(scores, repetitions=100)
    np.testing.assert_array_equal(np.random.random(3), expected)
    second, other = (aggregate.estimate(scores, repetitions=100, seed=seed) for seed in (0, 1))
    assert (first.low, first.high) == (second.low, second.high) != (other.low, other.high)


def test_a_single_run_has_no_interval():
    one = aggregate.estimate(some_scores(1, 5, 3), repetitions=10)
    assert np.isfinite(one.value).all() and np.isnan(one.low).all() and np.isnan(one.high).all()


def interquartile_mean_of(means: np.ndarray, deviations: np.ndarray) -> float:
    """Returns the true one where every game's scores are normal: of a mixture, in closed form."""

    def quantile(probability: float) -> float:
        mass = lambda x: scipy.stats.norm.cdf(x, means, deviations).mean() - probability  # noqa: E731
        return scipy.optimize.brentq(mass, -50, 50)

    low, high = ((quantile(p) - means) / deviations for p in (0.25, 0.75))
    normal = scipy.stats.norm
    inside = means * (normal.cdf(high) - normal.cdf(low)) - deviations * (normal.pdf(high) - normal.pdf(low))
    return inside.mean() / 0.5


def coverage(runs: int, games: int, repetitions: int = 300) -> float:
    """Returns how often, of ``repetitions``, the 95 % interval of the IQM covers the true one."""
    draw = np.random.default_rng(0)
    means, deviations = np.linspace(0, 3, games), np.linspace(0.3, 1, games)
    truth, hits = interquartile_mean_of(means, deviations), 0
    for repetition in range(repetitions):
        scores = means + deviations * draw.normal(size=(runs, games))
        interval = aggregate.estimate(scores, repetitions=1_000, seed=repetition)
        hits += bool(interval.low[0] <= truth <= interval.high[0])
    return hits / repetitions


def test_the_interval_covers_the_truth_with_many_runs():
    assert 0.93 <= coverage(runs=40, games=4) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize(("runs", "low", "high"), [(5, 0.88, 0.94), (3, 0.82, 0.91)])
def test_the_interval_is_too_narrow_with_few_runs(runs, low, high):
    # A bootstrap of n runs has (n-1)/n of the variance, so of a mean 95 % become 92 % for 5 runs and
    # 89 % for 3; of this interquartile mean 91 % and 87 % (6,000 repetitions). The paper has 5.
    assert low <= coverage(runs, games=15, repetitions=1_000) <= high


def test_importing_it_loads_no_statistics_yet():
    code = "import sys; import tf_pruned_rl.analysis.aggregate; print({'rliable', 'pandas'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
