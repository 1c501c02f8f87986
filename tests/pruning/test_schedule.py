"""The cubic of Eq. 1: its values, its update steps, and its end."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot

from tf_pruned_rl.errors import UserError
from tf_pruned_rl.pruning.schedule import NEVER, CubicSparsity


def _eq1(step: int, final: str, begin: int, end: int) -> float:
    """Eq. 1 in exact rational arithmetic."""
    if step < begin:
        return 0.0
    left = 1 - min(Fraction(step - begin, end - begin), Fraction(1))
    return float(Fraction(final) * (1 - left**3))


def _update_steps(schedule: CubicSparsity, last: int) -> list[int]:
    return np.flatnonzero(schedule(tf.range(last + 1, dtype=tf.int64))[0]).tolist()


@pytest.mark.parametrize("final", ["0", "0.5", "0.95", "0.99"])
def test_equals_equation_1_to_1e_7(final: str) -> None:
    schedule = CubicSparsity(float(final), 500_000, 2_000_000)
    steps = [
        0,
        499_999,
        500_000,
        500_001,
        650_000,
        777_777,
        1_250_000,
        1_999_999,
        2_000_000,
        2_000_001,
        9_999_999,
    ]
    expected = np.array([_eq1(step, final, 500_000, 2_000_000) for step in steps])
    np.testing.assert_allclose(schedule.sparsity_at(np.array(steps)), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(schedule.sparsity(tf.constant(steps, tf.int64)), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(schedule(tf.constant(steps, tf.int64))[1], expected, rtol=0, atol=1e-7)


def test_published_fractions_of_the_target() -> None:
    schedule = CubicSparsity(0.95, 0, 1000)
    values = [float(schedule.sparsity_at(step)) for step in (100, 250, 500, 750, 900)]
    np.testing.assert_allclose(values, [0.257, 0.549, 0.831, 0.935, 0.949], atol=5e-4)


@pytest.mark.parametrize("frequency", [1, 3, 4, 7, 10, 100])
def test_last_update_is_at_the_end_and_on_target(frequency: int) -> None:
    schedule = CubicSparsity(0.9, 5, 25, frequency)
    updates = _update_steps(schedule, 60)
    assert updates == sorted({*range(5, 26, frequency), 25})
    assert float(schedule.sparsity_at(updates[-1])) == 0.9
    assert schedule.masked_sparsity_at(60) == 0.9


def test_latest_update_and_masked_sparsity() -> None:
    schedule = CubicSparsity(0.9, 5, 25, 7)
    steps = tf.constant([0, 4, 5, 11, 12, 24, 25, 26, 1000], tf.int64)
    assert schedule.latest_update(steps).numpy().tolist() == [NEVER, NEVER, 5, 5, 12, 19, 25, 25, 25]
    assert schedule.masked_sparsity_at(4) == 0.0
    assert schedule.masked_sparsity_at(18) == pytest.approx(_eq1(12, "0.9", 5, 25), abs=1e-12)


@pytest.mark.parametrize("window", [(0, 1, 1), (0, 10, 3), (5, 25, 7), (5, 26, 7), (3, 9, 100)])
def test_next_update_is_where_the_latest_update_changes(window) -> None:
    schedule = CubicSparsity(0.9, *window)
    latest = schedule.latest_update(tf.range(40, dtype=tf.int64)).numpy()
    updates = [step for step in range(40) if latest[step] == step]
    for step in range(-1, 40):
        assert schedule.next_update(step) == next((due for due in updates if due > step), None)


def test_equals_tfmot_at_aligned_steps() -> None:
    ours = CubicSparsity(0.95, 20, 80, 10)
    theirs = tfmot.sparsity.keras.PolynomialDecay(0.0, 0.95, 20, 80, power=3, frequency=10)
    steps = tf.range(100, dtype=tf.int64)
    np.testing.assert_array_equal(ours(steps)[0], theirs(steps)[0])
    np.testing.assert_allclose(ours(steps)[1], theirs(steps)[1], rtol=0, atol=1e-6)


def test_config_round_trip() -> None:
    schedule = CubicSparsity(0.9, 5, 25, 7)
    again = CubicSparsity.from_config(schedule.get_config()["config"])
    assert again.get_config() == schedule.get_config()


def test_a_tfmot_wrapper_restores_it() -> None:
    layer = tf.keras.layers.Dense(3)
    wrapper = tfmot.sparsity.keras.prune_low_magnitude(layer, pruning_schedule=CubicSparsity(0.9, 5, 25, 7))
    again = type(wrapper).from_config(wrapper.get_config())
    assert isinstance(again.pruning_schedule, CubicSparsity)
    assert again.pruning_schedule.get_config() == wrapper.pruning_schedule.get_config()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ((1.0, 0, 10), "sparsity is 1.0"),
        ((-0.1, 0, 10), "sparsity is -0.1"),
        ((float("nan"), 0, 10), "sparsity is nan"),
        ((0.5, 10, 10), "end after it begins"),
        ((0.5, -1, 10), "begin at 0 or later"),
        ((0.5, 0, 10, 0), "every 0 gradient steps"),
    ],
)
def test_refuses_what_cannot_be(values: tuple, says: str) -> None:
    with pytest.raises(UserError, match=says):
        CubicSparsity(*values)
