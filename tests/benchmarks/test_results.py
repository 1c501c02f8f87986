"""Medians over rounds, ratios within rounds, rates, sums and tables."""

from __future__ import annotations

import pytest
from measuring import results
from measuring.results import Measured


def measured(*steps: int, rare: dict[str, float] | None = None) -> Measured:
    """Slices of a second each."""
    loops = [{"agent_steps": n, "seconds": 1.0, "resident_bytes": n} for n in steps]
    return Measured("one", {}, loops, [{"train": 8.0, "action": 1.0, "environment": 0.5}], rare or {})


def test_the_median_round_counts():
    assert measured(100, 10, 125).steps_per_second() == pytest.approx(100)
    assert measured(100, 10, 125).resident_bytes() == 125


def test_rare_events_slow_every_step_down():
    one = measured(100, rare={"mask_update": 1.5, "log_line": 1.0, "one_mask_update": 1000.0})
    assert one.step_ms() == [pytest.approx(12.5)]
    assert one.steps_per_second() == pytest.approx(80)


def test_ratios_are_of_the_same_round():
    found = results.ratio(measured(200, 20, 30), measured(100, 20, 10))
    assert (found.median, found.low, found.high) == pytest.approx((2, 1, 3))
    assert str(found) == "2.00 (1.00 to 3.00)"
    with pytest.raises(ValueError):
        results.ratio(measured(1, 2), measured(1))


def test_what_is_left_over():
    assert measured(100).left_over_ms(0.25) == pytest.approx(10 - 2 - 1 - 0.5)
    assert Measured("bare", loops=measured(100).loops).left_over_ms(0.25) is None


def test_the_best_shape_gives_the_peak():
    rounds = [{"float32 a->a": 1.0, "float32 b->b": 5.0, "bfloat16 a->a": 7.0}] * 2
    rounds += [{"float32 a->a": 9.0, "float32 b->b": 4.0, "bfloat16 a->a": 6.0}]
    assert results.peak_rates(rounds) == {"float32": ("b->b", 5.0), "bfloat16": ("a->a", 7.0)}


def test_layers_are_summed_per_type():
    rounds = [{"float32 a": 1.0, "float32 b": 2.0, "bfloat16 a": 4.0}]
    assert results.layer_sums(rounds) == {"float32": 3.0, "bfloat16": 4.0}


def test_tables_are_aligned():
    text = results.table(["", "steps/s"], [["ours", 1234.5], ["a peer", None]])
    assert text.splitlines() == ["        steps/s", "---------------", "ours      1,234", "a peer        -"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.1234, "0.123"), ("x", "x"), (7, "7")],
)
def test_numbers_have_three_digits(value, text):
    assert results.shown(value) == text
