"""Returns of the training episodes: the last, a running mean, and the mean of each iteration."""

from __future__ import annotations

import collections
import json
from collections.abc import Iterable
from pathlib import Path

from tf_pruned_rl.environments import Episode

RECENT = 100
"""Episodes in the running mean."""


class Returns:
    """Un-clipped returns of finished episodes."""

    def __init__(self) -> None:
        self._recent: collections.deque[float] = collections.deque(maxlen=RECENT)
        self._sum = 0.0
        self._count = 0
        self._total = 0

    def add(self, episodes: Iterable[Episode]) -> None:
        """Takes episodes that have just ended."""
        for episode in episodes:
            self._recent.append(episode.episode_return)
            self._sum += episode.episode_return
            self._count += 1
            self._total += 1

    def running(self) -> dict[str, float]:
        """Returns the count so far, the last return and the mean of the last 100."""
        values = {"episodes": float(self._total)}
        if self._recent:
            values["last_return"] = self._recent[-1]
            values["mean_return"] = sum(self._recent) / len(self._recent)
        return values

    def end_iteration(self) -> dict[str, float]:
        """Returns count and mean return of the episodes that ended in this iteration; starts the next."""
        values = {"episodes": float(self._count)}
        if self._count:
            values["mean_return"] = self._sum / self._count
        self._sum, self._count = 0.0, 0
        return values

    def save(self, directory: Path, previous: Path | None) -> None:
        """Writes the state as JSON."""
        state = {
            "recent": list(self._recent),
            "sum": self._sum,
            "count": self._count,
            "total": self._total,
        }
        (directory / "returns.json").write_text(json.dumps(state))

    def load(self, directory: Path) -> None:
        """Takes the state back."""
        state = json.loads((directory / "returns.json").read_text())
        self._recent = collections.deque(state["recent"], maxlen=RECENT)
        self._sum, self._count, self._total = state["sum"], state["count"], state["total"]
