"""The tables of one run of throughput.py or continuous.py, and the same as JSON."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from measuring import flops, results
from measuring.results import Measured
from measuring.settings import AnySettings

HOLLOW = "ours hollow"
FLOOR_HEADERS = (
    *("", "precision", "train", "floor", "reached", "layers alone", "reached"),
    *("steps/s", "floor", "reached"),
)


@dataclasses.dataclass
class Limits:
    """What the floor's process measured: operations of a step, rates and layers of each round."""

    about: Mapping[str, Any]
    peaks: list[Mapping[str, float]] = dataclasses.field(default_factory=list)
    layers: list[Mapping[str, float]] = dataclasses.field(default_factory=list)

    def fractions(self, one: Measured, replay_ratio: float) -> list[object]:
        """Returns a contender's row: see ``FLOOR_HEADERS``."""
        precision = "bfloat16" if "bf16" in one.name else "float32"
        train_ms, emulator_ms = one.part("train"), one.part("environment")
        assert train_ms is not None
        _, rate = results.peak_rates(self.peaks)[precision]
        operations = float(self.about["train_step_operations"])
        floor_ms = operations / rate * 1e3
        layers_ms = results.layer_sums(self.layers)[precision]
        of_step = [f"{floor_ms / train_ms:.0%}", layers_ms, f"{layers_ms / train_ms:.0%}"]
        row = [one.name, precision, train_ms, floor_ms, *of_step, one.steps_per_second()]
        if emulator_ms is None:  # a step alone
            return [*row, None, None]
        most = flops.floor_steps_per_second(
            float(self.about["forward_operations"]),
            operations,
            rate,
            replay_ratio=replay_ratio,
            environment_seconds=emulator_ms / 1e3,
        )
        return [*row, most, f"{one.steps_per_second() / most:.0%}"]

    def rates(self, peak_of: str) -> str:
        """Returns a line: the operations of a step, and the best rates, of a ``peak_of``."""
        found = results.peak_rates(self.peaks).items()
        rates = ", ".join(f"{dtype} {rate / 1e9:.0f} ({shape})" for dtype, (shape, rate) in found)
        operations = float(self.about["train_step_operations"]) / 1e9
        return f"a gradient step is {operations:.2f} GFLOP; best {peak_of}, GFLOP/s: {rates}"


@dataclasses.dataclass
class Report:
    """Everything measured in one run."""

    settings: AnySettings
    measured: Sequence[Measured]
    limits: Limits

    def text(self, missing: Sequence[str]) -> str:
        """Returns all tables, and a line for each contender that did not take part."""
        parts = [self._title(), self._speeds(), *missing]
        ratios = self._ratios()
        if ratios:
            parts += ["", "Times as fast, median over rounds (lowest to highest):", ratios]
        if self.limits.peaks:
            parts += ["", self.limits.rates(self.settings.peak_of), self._floor(), self._slow_layers()]
        return "\n".join(["", *parts, *self._rare(), "", self._neighbours()])

    def _neighbours(self) -> str:
        cores = [each["foreign_cores"] for one in self.measured for each in one.loops] or [0.0]
        text = f"others kept {statistics.median(cores):.2f} cores busy meanwhile, at most {max(cores):.2f}"
        return text + (": too many, measure again" if statistics.median(cores) > 0.1 else "")

    def _title(self) -> str:
        return f"{self.settings.title}: milliseconds unless said otherwise"

    def _shown(self) -> list[Measured]:
        return [each for each in self.measured if each.name != HOLLOW]

    def _hollow_ms(self) -> float | None:
        found = [each for each in self.measured if each.name == HOLLOW]
        return statistics.median(found[0].step_ms()) if found else None

    def _speeds(self) -> str:
        headers = ["", "steps/s", "per step", "train", "action", "environment", "add", "sample", "left over"]
        headers += ["memory GB", "estimate GB", "start-up s", "parameters"]
        rows = []
        for each in self._shown():
            names = ("train", "action", "environment", "add", "sample")
            estimate = each.about.get("estimated_bytes")
            rows.append(
                [
                    each.name,
                    each.steps_per_second(),
                    1e3 / each.steps_per_second(),
                    *map(each.part, names),
                    each.left_over_ms(self.settings.replay_ratio),
                    each.resident_bytes() / 1e9,
                    None if estimate is None else float(estimate) / 1e9,
                    each.startup_seconds(),
                    f"{each.about['parameters']:,}",
                ]
            )
        text = results.table(headers, rows)
        hollow = self._hollow_ms()
        if hollow is not None:
            text += (
                f"\nneither network nor emulator (our loop with both hollow): {hollow:.3f} ms per agent step"
            )
        return text

    def _ratios(self) -> str:
        ours = [each for each in self._shown() if each.name.startswith("ours")]
        others = [each for each in self._shown() if not each.name.startswith("ours")]
        others += [each for each in ours if each.name == "ours dense" and len(ours) > 1]
        rows = [
            [each.name, *("" if other is each else str(results.ratio(each, other)) for other in others)]
            for each in ours
        ]
        return results.table(["", *(f"to {other.name}" for other in others)], rows) if others else ""

    def _floor(self) -> str:
        rows = [
            self.limits.fractions(each, self.settings.replay_ratio)
            for each in self._shown()
            if each.part("train") is not None
        ]
        return results.table(FLOOR_HEADERS, rows)

    def _slow_layers(self) -> str:
        """Returns every layer's time alone."""
        medians = {
            key: statistics.median(each[key] for each in self.limits.layers)
            for key in self.limits.layers[0]
            if " " in key
        }
        dtypes = list(dict.fromkeys(key.split(" ")[0] for key in medians))
        names = list(dict.fromkeys(key.split(" ")[1] for key in medians))
        rows = [[name, *(medians[f"{dtype} {name}"] for dtype in dtypes)] for name in names]
        return "\n" + results.table(["layer alone, in a gradient step", *dtypes], rows)

    def _rare(self) -> list[str]:
        lines = []
        for each in self._shown():
            if each.rare:
                events = ", ".join(f"{name} {1e3 * each.rare[name]:.1f}" for name in results.RARE)
                lines.append(f"{each.name}, microseconds per agent step included above: {events}")
                if each.rare["one_mask_update"]:
                    lines[-1] += f" (one mask update takes {each.rare['one_mask_update']:.0f} ms)"
        return ["", *lines] if lines else []

    def to_json(self, missing: Sequence[str]) -> dict[str, object]:
        """Returns everything as plain values."""
        contenders = {
            each.name: {
                "steps_per_second": each.steps_per_second(),
                "step_ms": each.step_ms(),
                "parts_ms": {name: each.part(name) for name in (each.parts or [{}])[0]},
                "rare_ms": dict(each.rare),
                "left_over_ms": each.left_over_ms(self.settings.replay_ratio),
                "resident_bytes": each.resident_bytes(),
                "foreign_cores": [loop["foreign_cores"] for loop in each.loops],
                "about": dict(each.about),
            }
            for each in self.measured
        }
        limits: dict[str, object] = {}
        if self.limits.peaks:
            limits = {
                "about": dict(self.limits.about),
                "peak_rates": results.peak_rates(self.limits.peaks),
                "layers_alone_ms": results.layer_sums(self.limits.layers),
            }
        return {
            "settings": dataclasses.asdict(self.settings),
            "contenders": contenders,
            "limits": limits,
            "missing": list(missing),
        }
