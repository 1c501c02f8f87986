"""Tests of the configuration as text."""

import json

import pytest

from tf_pruned_rl import config
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.errors import UserError


@pytest.fixture
def rainbow() -> config.ExperimentConfig:
    return config.replace(config.preset("rainbow", "quick"), game="Breakout", deterministic=True, seed=7)


def test_json_round_trip_is_exact(rainbow):
    assert config_io.from_json(config_io.to_json(rainbow)) == rainbow


def test_json_is_flat_sorted_and_one_field_a_line(rainbow):
    text = config_io.to_json(rainbow)
    values = json.loads(text)
    assert values == config.flatten(rainbow)
    assert list(values) == sorted(values)
    assert text.count("\n") == len(values) + 2


def test_integer_in_a_float_field_is_read_as_float(rainbow):
    values = json.loads(config_io.to_json(rainbow)) | {"width": 2}
    width = config_io.from_json(json.dumps(values)).network.width
    assert width == 2.0 and isinstance(width, float)


@pytest.mark.parametrize("length", [0, 1, 40, -3])
def test_truncated_file_is_refused_by_its_name(rainbow, tmp_path, length):
    path = tmp_path / "config.json"
    path.write_text(config_io.to_json(rainbow)[:length])
    with pytest.raises(UserError, match="not a whole JSON file") as caught:
        config_io.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sparsety": 0.9}, "unknown fields sparsety"),
        ({"sparsity": None}, "missing fields sparsity"),
        ({"seed": "1"}, 'field seed is "1", expected int'),
        ({"seed": 1.5}, "field seed is 1.5, expected int"),
        ({"seed": True}, "field seed is true, expected int"),
        ({"deterministic": 1}, "field deterministic is 1, expected bool"),
        ({"game": 3}, "field game is 3, expected str"),
        ({"width": 10**400}, "field width is larger than any float"),
    ],
)
def test_foreign_fields_are_refused(rainbow, change, message):
    values = json.loads(config_io.to_json(rainbow)) | change
    values = {name: value for name, value in values.items() if value is not None}
    with pytest.raises(UserError, match=message):
        config_io.from_json(json.dumps(values))


@pytest.mark.parametrize("text", ["[]", "3", '"a"', "null"])
def test_json_that_is_no_object_is_refused(text):
    with pytest.raises(UserError, match="not a configuration"):
        config_io.from_json(text)


def test_missing_file_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        config_io.read(tmp_path / "config.json")


def test_differences_name_field_old_and_new(rainbow):
    other = config.replace(rainbow, seed=8, sparsity=0.5, run_dir="elsewhere", threads=3)
    found = config_io.differences(rainbow, other)
    assert found == [("sparsity", 0.95, 0.5), ("seed", 7, 8)]
    assert str(found[0]) == "sparsity: 0.95 -> 0.5"
    assert config_io.differences(rainbow, rainbow) == []


def test_hash_changes_exactly_where_there_are_differences(rainbow):
    same = config.replace(rainbow, run_dir="elsewhere", threads=3)
    assert config_io.config_hash(same) == config_io.config_hash(rainbow)
    for name, value in config.flatten(rainbow).items():
        if name in ("run_dir", "threads"):
            continue
        other = (
            not value if isinstance(value, bool) else value + (1 if isinstance(value, int | float) else "x")
        )
        changed = config.replace(rainbow, **{name: other})
        assert config_io.config_hash(changed) != config_io.config_hash(rainbow), name


def test_hash_takes_an_integer_in_a_float_field_for_the_float(rainbow):
    assert config_io.config_hash(config.replace(rainbow, width=1)) == config_io.config_hash(rainbow)


def test_default_run_dir_says_what_the_run_is(rainbow):
    digits = config_io.config_hash(rainbow)[:6]
    expected = f"runs/rainbow-Breakout-impala-w1-magnitude95-seed7-{digits}"
    assert config_io.default_run_dir(rainbow) == expected
    dense = config.replace(rainbow, pruning="none", width=0.25)
    assert "-w0.25-dense-seed7-" in config_io.default_run_dir(dense)
    odd = config.replace(rainbow, sparsity=0.985)
    assert "-magnitude98.5-" in config_io.default_run_dir(odd)
    small = config.preset("dqn", suite="minatar")
    assert config_io.default_run_dir(small).startswith("runs/dqn-minatar-Breakout-impala-w1-")
    # 100 * 0.29 and 100 * 0.57 are not whole numbers in binary.
    assert "-magnitude57-" in config_io.default_run_dir(config.replace(rainbow, sparsity=0.57))
