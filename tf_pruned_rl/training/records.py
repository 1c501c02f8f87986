"""The small records a run yields: one line each in metrics.jsonl."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Record:
    """What happened up to one moment of a run.

    Everything but ``clock`` is a function of the configuration alone, so a run that was interrupted
    and resumed writes the same records as one that was not.
    """

    kind: str
    """progress, iteration, evaluation, pruning, diagnostics or end."""
    frames: int
    """Emulator frames played so far, over all environments."""
    agent_steps: int
    """Agent steps taken so far, over all environments."""
    gradient_steps: int
    """Gradient steps made so far."""
    values: dict[str, float] = field(default_factory=dict)
    """Measured numbers by name; a name is absent until its number is known."""
    clock: dict[str, float] = field(default_factory=dict)
    """Numbers that depend on wall time (steps_per_second, seconds), by name."""

    def to_json(self) -> str:
        """Returns the record as one line of strict JSON, without the line end.

        Numbers JSON cannot spell are written as the strings "nan", "inf" and "-inf".
        """
        return json.dumps(
            {
                "kind": self.kind,
                "frames": int(self.frames),
                "agent_steps": int(self.agent_steps),
                "gradient_steps": int(self.gradient_steps),
                "values": _spell(self.values),
                "clock": _spell(self.clock),
            },
            allow_nan=False,
        )

    @classmethod
    def from_json(cls, line: str) -> Record:
        """Returns the record that ``to_json`` wrote.

        Raises:
          ValueError: the line is no record (for example cut short).
        """
        try:
            raw = json.loads(line)
            return cls(
                kind=raw["kind"],
                frames=int(raw["frames"]),
                agent_steps=int(raw["agent_steps"]),
                gradient_steps=int(raw["gradient_steps"]),
                values={name: float(value) for name, value in raw["values"].items()},
                clock={name: float(value) for name, value in raw["clock"].items()},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a record: {line[:80]!r}") from error


def _spell(numbers: Mapping[str, float]) -> dict[str, float | str]:
    """Returns the numbers as plain floats (NumPy and TensorFlow scalars too), sorted by name."""
    plain = {name: float(numbers[name]) for name in sorted(numbers)}
    return {name: value if math.isfinite(value) else str(value) for name, value in plain.items()}
