"""What a field may hold, said beside the field: the range of a number, the words of a text.

``number`` and ``word`` make dataclass fields with a default and a rule. A number without a rule of its own
must be at least 0. Every number has an upper limit: far above anything that is of use, and low enough for a
mistyped value to be refused before anything is built.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tf_pruned_rl.registry import Registry

LIMIT = 10**12
"""No number may be larger, in either direction."""

Words = Sequence[str | Registry]
"""Words that a field accepts: words, and registries whose names it accepts."""
_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True)
class Bound:
    """The range of a number."""

    at_least: float | None = 0
    """The smallest value; None: only ``above`` or ``LIMIT`` bounds it below."""
    above: float | None = None
    """The value must be larger than this."""
    at_most: float | None = None
    """The largest value, where the meaning of the field gives one."""
    below: float | None = None
    """The value must be smaller than this."""
    limit: float = LIMIT
    """The largest value that is not taken for a mistake."""
    note: str = ""
    """Added to the message."""

    def broken(self, value: float) -> str:
        """Returns the rule that ``value`` breaks, as ``"must be at least 1"``; empty if it breaks none."""
        # Only a float can be no number; an int may be too large to become one.
        if isinstance(value, float) and not math.isfinite(value):
            return "must be a finite number"
        too_small = (self.above is not None and value <= self.above) or (
            self.above is None and self.at_least is not None and value < self.at_least
        )
        too_large = (self.at_most is not None and value > self.at_most) or (
            self.below is not None and value >= self.below
        )
        if (too_small or too_large) and not (self.at_most is None and self.below is None):
            least = -LIMIT if self.at_least is None else self.at_least
            low = f"[{least:,}" if self.above is None else f"({self.above:,}"
            high = f"{self.at_most:,}]" if self.below is None else f"{self.below:,})"
            return f"must be in {low}, {high}{self.note}"
        if too_small:
            return (
                f"must be at least {self.at_least:,}"
                if self.above is None
                else f"must be more than {self.above:,}"
            )
        if value > self.limit:
            return f"must be at most {self.limit:,}"
        return f"must be at least {-LIMIT:,}" if value < -LIMIT else ""


def number(default: _Number, **bound: Any) -> _Number:
    """Returns a field with a number's default and its range, as ``Bound`` takes it."""
    if "above" in bound:
        bound.setdefault("at_least", None)
    return dataclasses.field(default=default, metadata={"bound": Bound(**bound)})


def word(default: str, *words: str | Registry) -> str:
    """Returns a field with a default word and all its words, or the registries that have them."""
    return dataclasses.field(default=default, metadata={"words": words})


def bound(field: dataclasses.Field) -> Bound:
    """Returns the range of a field that is a number."""
    return field.metadata.get("bound", Bound())


def words(field: dataclasses.Field, kind: str) -> tuple[str, ...]:
    """Returns the words of a field in runs of a kind (``online``, ...); none if it takes any text."""
    names: list[str] = []
    for source in field.metadata.get("words", ()):
        names += [source] if isinstance(source, str) else source.names(kind)
    return tuple(names)


def registries(field: dataclasses.Field) -> tuple[Registry, ...]:
    """Returns the registries that have the field's words."""
    return tuple(source for source in field.metadata.get("words", ()) if isinstance(source, Registry))
