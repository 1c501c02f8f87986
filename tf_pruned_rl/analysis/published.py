"""Published learning curves of the dense agents at width 1, to compare runs with.

Source: google/dopamine, ``baselines/atari/data`` (Apache License 2.0; Castro et al., 2018), JAX
agents DQN and Rainbow with the Nature CNN and the IMPALA ResNet, sticky actions 0.25, five seeds.
The numbers are those files' mean training returns per iteration, reduced over the seeds and rounded
(to 0.1 below 100, to 1 above).
"""

from __future__ import annotations

import csv
import functools
import importlib.resources
from dataclasses import dataclass

ITERATION_FRAMES = 1_000_000
"""Frames of a published iteration: iteration i covers the frames from i to i+1 million."""


@dataclass(frozen=True)
class Band:
    """Mean un-clipped training return of one iteration over five seeds."""

    mean: float
    low: float
    """The lowest seed."""
    high: float
    """The highest seed."""

    def place(self, value: float) -> str:
        """Returns inside, below or above, at the band's precision.

        >>> Band(7.1, 5.6, 8.1).place(8.14)
        'inside'
        """
        value = rounded(value)
        return "below" if value < self.low else "above" if value > self.high else "inside"


def curve(agent: str, network: str, game: str) -> dict[int, Band]:
    """Returns the published bands by iteration; {} where nothing was published.

    Args:
      agent: dqn or rainbow.
      network: nature or impala.
      game: as the Arcade Learning Environment spells it; case does not matter.
    """
    return dict(_curves().get((agent, network, game.lower()), {}))


def rounded(value: float) -> float:
    """Returns ``value`` at the precision of the bands: 0.1 below 100, 1 above."""
    return round(value, 1) if abs(value) < 100 else float(round(value))


def to_text(value: float) -> str:
    """Returns ``value`` as bands are printed.

    >>> to_text(7.04), to_text(123.4), to_text(-20.26), to_text(12345.6)
    ('7.0', '123', '-20.3', '12,346')
    """
    value = rounded(value)
    return f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


@functools.cache
def _curves() -> dict[tuple[str, str, str], dict[int, Band]]:
    """Returns the whole table; it is read once."""
    table: dict[tuple[str, str, str], dict[int, Band]] = {}
    source = importlib.resources.files("tf_pruned_rl.analysis") / "data" / "published_curves.csv"
    for row in csv.DictReader(source.read_text(encoding="utf-8").splitlines()):
        key = (row["agent"], row["network"], row["game"].lower())
        band = Band(float(row["mean"]), float(row["low"]), float(row["high"]))
        table.setdefault(key, {})[int(row["iteration"])] = band
    return table
