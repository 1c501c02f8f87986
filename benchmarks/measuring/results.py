"""From slices to figures: medians over rounds, ratios within rounds, the share of the floor."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

RARE = ("mask_update", "target_update", "log_line")
"""What a slice of the loop leaves out, measured apart and shared out over the steps it serves."""


@dataclasses.dataclass
class Measured:
    """All that was measured of one contender.

    Attributes:
      name: as shown.
      about: what it said of itself when it had warmed up.
      loops: a slice of the loop from each round: agent_steps, seconds, resident_bytes.
      parts: {part: milliseconds} from each round.
      rare: {event: milliseconds per agent step}.
    """

    name: str
    about: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    loops: list[Mapping[str, float]] = dataclasses.field(default_factory=list)
    parts: list[Mapping[str, float]] = dataclasses.field(default_factory=list)
    rare: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @property
    def rare_ms(self) -> float:
        """Milliseconds per agent step of what the slices left out."""
        return sum(self.rare.get(name, 0.0) for name in RARE)

    def step_ms(self) -> list[float]:
        """Returns each round's milliseconds per agent step, the rare events' share included."""
        return [1e3 * each["seconds"] / each["agent_steps"] + self.rare_ms for each in self.loops]

    def steps_per_second(self) -> float:
        """Returns the median over the rounds."""
        return 1e3 / statistics.median(self.step_ms())

    def part(self, name: str) -> float | None:
        """Returns a part's median over the rounds, in milliseconds."""
        values = [parts[name] for parts in self.parts if name in parts]
        return statistics.median(values) if values else None

    def resident_bytes(self) -> float:
        """Returns the most memory seen at the end of a slice."""
        return max(each["resident_bytes"] for each in self.loops)

    def startup_seconds(self) -> float | None:
        """Returns the seconds from the process's start to its first gradient step, without the warm-up."""
        value = self.about.get("startup_seconds")
        return None if value is None else float(value)

    def left_over_ms(self, replay_ratio: float) -> float | None:
        """Returns what the parts for network and emulator do not explain, per agent step."""
        train, action, environment = map(self.part, ("train", "action", "environment"))
        if train is None or action is None or environment is None:
            return None
        return statistics.median(self.step_ms()) - replay_ratio * train - action - environment


@dataclasses.dataclass(frozen=True)
class Ratio:
    """How many times as fast one contender is as another."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio(one: Measured, other: Measured) -> Ratio:
    """Returns one's speed over the other's: of each round its own ratio, since machines drift."""
    pairs = zip(one.step_ms(), other.step_ms(), strict=True)
    ratios = sorted(slow / fast for fast, slow in pairs)
    return Ratio(statistics.median(ratios), ratios[0], ratios[-1])


def peak_rates(peaks: Sequence[Mapping[str, float]]) -> dict[str, tuple[str, float]]:
    """Returns {dtype: (shape, operations per second)}: each shape's median over the rounds, the best of them.

    Args:
      peaks: {"dtype shape": operations per second} of each round.
    """
    best: dict[str, tuple[str, float]] = {}
    for key in peaks[0]:
        dtype, _, shape = key.partition(" ")
        rate = statistics.median(each[key] for each in peaks)
        if dtype not in best or rate > best[dtype][1]:
            best[dtype] = shape, rate
    return best


def layer_sums(layers: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Returns {dtype: milliseconds of a gradient step if each layer ran alone}, medians over the rounds."""
    sums: dict[str, float] = {}
    for key in layers[0]:
        dtype, _, name = key.partition(" ")
        if name:
            sums[dtype] = sums.get(dtype, 0.0) + statistics.median(each[key] for each in layers)
    return sums


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Returns lines of aligned columns: the first to the left, numbers to the right."""
    cells = [list(headers), *([shown(value) for value in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headers))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def shown(value: object) -> str:
    """Returns a number with three significant digits at least, a dash for None, text as it is."""
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"
