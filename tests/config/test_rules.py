"""The ranges of numbers, their messages, and the words of a field."""

from __future__ import annotations

import dataclasses
import math

import pytest

from tf_pruned_rl.config import rules
from tf_pruned_rl.config.rules import LIMIT, Bound, number, word
from tf_pruned_rl.registry import Registry

COLOURS: Registry[int] = Registry("colour", "colour")
COLOURS.register("red", 1)
COLOURS.register("blue", 2, kinds=("offline",))


@dataclasses.dataclass(frozen=True)
class Example:
    """A group with one field of each sort."""

    plain: int = 3
    share: float = number(0.5, at_most=1)
    rate: float = number(0.1, above=0)
    either: float = number(-0.5, at_least=None)
    text: str = ""
    colour: str = word("red", COLOURS, "none")


FIELDS = {field.name: field for field in dataclasses.fields(Example)}


@pytest.mark.parametrize(
    ("bound", "legal", "refused"),
    [
        (Bound(), (0, 0.5, LIMIT), {-1: "must be at least 0", LIMIT + 1: f"must be at most {LIMIT:,}"}),
        (Bound(at_least=1), (1, 7), {0: "must be at least 1", 0.99: "must be at least 1"}),
        (Bound(at_least=1_000), (1_000,), {999: "must be at least 1,000"}),
        (Bound(at_least=None, above=0), (1e-9, 5), {0: "must be more than 0", -1: "must be more than 0"}),
        (Bound(at_most=1), (0, 0.5, 1), {-0.1: "must be in [0, 1]", 1.1: "must be in [0, 1]"}),
        (Bound(below=1), (0, 0.999), {1: "must be in [0, 1)", -0.1: "must be in [0, 1)"}),
        (
            Bound(at_least=None, above=0, at_most=1),
            (0.1, 1),
            {0: "must be in (0, 1]", 1.1: "must be in (0, 1]"},
        ),
        (Bound(at_least=None, above=0, below=1), (0.1,), {0: "must be in (0, 1)", 1: "must be in (0, 1)"}),
        (Bound(limit=64), (64,), {64.5: "must be at most 64"}),
        (Bound(at_least=None), (-5, 5), {-LIMIT - 1: f"must be at least {-LIMIT:,}"}),
        (Bound(at_least=None, at_most=1), (-5, 1), {2: f"must be in [{-LIMIT:,}, 1]"}),
        (Bound(below=1, note=": a share"), (0.5,), {1: "must be in [0, 1): a share"}),
    ],
)
def test_what_a_bound_allows_and_says(bound, legal, refused):
    assert [bound.broken(value) for value in legal] == [""] * len(legal)
    assert {value: bound.broken(value) for value in refused} == refused


@pytest.mark.parametrize("bound", [Bound(), Bound(at_least=None), Bound(below=1), Bound(limit=64)])
def test_no_infinite_and_no_absurd_number(bound):
    for value in (math.nan, math.inf, -math.inf):
        assert bound.broken(value) == "must be a finite number"
    # An integer of any length, which no float can hold.
    for value in (10**400, -(10**400)):
        assert bound.broken(value).startswith("must be ")


def test_fields_have_defaults_and_rules():
    assert Example() == Example(3, 0.5, 0.1, -0.5, "", "red")
    assert rules.bound(FIELDS["plain"]) == Bound()
    assert rules.bound(FIELDS["share"]) == Bound(at_most=1)
    assert rules.bound(FIELDS["rate"]).broken(0.0) == "must be more than 0"
    assert rules.bound(FIELDS["either"]).broken(-3.0) == ""


def test_words_are_the_names_of_the_registry_for_the_kind():
    assert rules.words(FIELDS["colour"], "online") == ("red", "none")
    assert rules.words(FIELDS["colour"], "offline") == ("red", "blue", "none")
    assert rules.registries(FIELDS["colour"]) == (COLOURS,)
    for name in ("plain", "text"):
        assert rules.words(FIELDS[name], "online") == () and rules.registries(FIELDS[name]) == ()


def test_a_name_registered_later_is_a_word():
    COLOURS.register("green", 3)
    assert rules.words(FIELDS["colour"], "online") == ("red", "green", "none")
    COLOURS.remove("green")
    assert rules.words(FIELDS["colour"], "online") == ("red", "none")
