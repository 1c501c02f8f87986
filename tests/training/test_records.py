"""Tests of the records: strict JSON there and back."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from tf_pruned_rl.training.records import Record

RECORD = Record("progress", 400, 100, 25, {"q": 0.1, "loss": 1 / 3}, {"steps_per_second": 58.5})


def test_round_trip_is_exact() -> None:
    assert Record.from_json(RECORD.to_json()) == RECORD


def test_line_is_as_specified() -> None:
    record = Record("iteration", 8, 2, 1, {"b": 2.0, "a": -0.5}, {"seconds": 1.0})
    assert record.to_json() == (
        '{"kind": "iteration", "frames": 8, "agent_steps": 2, "gradient_steps": 1, '
        '"values": {"a": -0.5, "b": 2.0}, "clock": {"seconds": 1.0}}'
    )


def test_order_of_insertion_does_not_matter() -> None:
    assert (
        Record("end", 1, 1, 1, {"a": 1.0, "b": 2.0}).to_json()
        == Record("end", 1, 1, 1, {"b": 2.0, "a": 1.0}).to_json()
    )


def test_numbers_json_cannot_spell() -> None:
    line = Record("progress", 1, 1, 0, {"a": math.nan, "b": math.inf, "c": -math.inf}).to_json()

    def refuse(name: str) -> float:
        raise AssertionError(f"{name} is not JSON")

    json.loads(line, parse_constant=refuse)
    values = Record.from_json(line).values
    assert math.isnan(values["a"])
    assert values["b"] == math.inf
    assert values["c"] == -math.inf


def test_numpy_scalars_become_plain_numbers() -> None:
    line = Record(
        "progress", np.int64(4), np.int64(1), np.int64(0), {"a": np.float32(0.5), "n": np.int64(3)}
    ).to_json()
    assert Record.from_json(line) == Record("progress", 4, 1, 0, {"a": 0.5, "n": 3.0})


@pytest.mark.parametrize(
    "line", ["", '{"kind": "progress", "frames"', "{}", "[]", "3", '{"kind": "end", "frames": 1}']
)
def test_what_is_no_record_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        Record.from_json(line)


def test_every_cut_of_a_line_is_refused() -> None:
    line = RECORD.to_json()
    for length in range(len(line)):
        with pytest.raises(ValueError):
            Record.from_json(line[:length])
