"""What a figure is: panels of arms, and the runs that they need.

A sweep makes the runs that ``Figure.runs`` lists; a drawing reads them. Runs of equal configurations
have the same ``run_id`` and share one directory, whichever figures need them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tf_pruned_rl import config as configuration
from tf_pruned_rl.config import Config
from tf_pruned_rl.config import io as config_io

Command = Literal["online", "offline", "continuous"]
Kind = Literal["final_scores", "learning_curves", "schedule", "diagnostics", "covariance", "published"]
Score = Literal["iteration", "evaluation"]
Flags = Mapping[str, object]
"""Fields of a configuration by their flat names."""

TIME_AXES = ("frames", "steps", "iteration")
"""Axes along training. Any other is ``"method"`` (the arms side by side) or the flag a panel varies."""

_OTHER_NAMES = {"total_frames": "total_steps", "iteration_frames": "iteration_steps"}
"""Fields of game runs, and their names in the other kinds of runs."""


@dataclass(frozen=True)
class Arm:
    """One line, or one bar: what a panel compares with its other arms."""

    label: str
    flags: Flags
    """The flags that its runs share, ``agent`` among them."""


def dense(agent: str, label: str = "Dense", **flags: Any) -> Arm:
    """Returns the arm of an agent without pruning."""
    return Arm(label, {"agent": agent, "pruning": "none", **flags})


def pruned(agent: str, sparsity: float = 0.95, label: str = "", **flags: Any) -> Arm:
    """Returns the arm of an agent with gradual magnitude pruning; its label states the sparsity."""
    label = label or f"{100 * sparsity:g} % pruned"
    return Arm(label, {"agent": agent, "pruning": "magnitude", "sparsity": sparsity, **flags})


def dense_and_pruned(agent: str, *sparsities: float, **flags: Any) -> tuple[Arm, ...]:
    """Returns the dense arm and one for every sparsity, by default for 0.95."""
    return (dense(agent, **flags), *(pruned(agent, sparsity, **flags) for sparsity in sparsities or (0.95,)))


@dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    title: str
    x: str
    """``frames``, ``steps`` or ``iteration``; ``method``; or the flag that ``varied`` names."""
    arms: tuple[Arm, ...]
    varied: str = ""
    """The flag that takes several values in every arm: ``width`` or ``replay_ratio``; empty for none."""
    values: tuple[float, ...] = ()
    """Its values."""

    def value_label(self, value: float | None) -> str:
        """Returns a value of the varied flag in words, such as ``width 3``; empty for None."""
        return "" if value is None else f"{self.varied.replace('_', ' ')} {value:g}"


@dataclass(frozen=True)
class PlannedRun:
    """One run of a training command, and its place in a figure."""

    panel: str
    arm: str
    value: float | None
    """Value of the flag that the panel varies; None where it varies none."""
    task: str
    """Game, or environment of continuous control."""
    seed: int
    command: Command
    """``experiments/COMMAND.py`` makes the run."""
    config: Config
    """The whole configuration; its ``run_dir`` is empty."""
    run_id: str
    """Twelve hexadecimal digits, equal exactly where the configurations are (run_dir and threads apart)."""
    name: str
    """Name of the run directory, below the sweep's."""

    def flags(self) -> list[str]:
        """Returns the command-line flags of the run, without ``--run_dir``."""
        flat = configuration.flatten(self.config)
        base = configuration.flatten(_base(flat))
        changes = {name: value for name, value in flat.items() if value != base[name]}
        # The command of continuous control has one agent, and so no flag for it.
        agent = ("agent",) if self.command != "continuous" else ()
        always = {name: flat[name] for name in (*agent, self.config.kind.task_field, "seed")}
        if flat.get("suite", "atari") != "atari":
            always["suite"] = flat["suite"]
        return [f"--{name}={_flag_text(value)}" for name, value in (always | changes).items()]


@dataclass(frozen=True)
class Figure:
    """A figure, at the paper's budget until ``budgets.at_budget`` makes it smaller."""

    number: str
    """``1`` to ``17``, or a name where the paper has no such figure."""
    title: str
    panels: tuple[Panel, ...]
    command: Command = "online"
    kind: Kind = "learning_curves"
    tasks: tuple[str, ...] = ()
    seeds: int = 5
    length: int = 40_000_000
    """Of a run: emulator frames, steps in continuous control, gradient steps offline."""
    score: Score = "iteration"
    """The records that scores come from: training returns of an iteration, or returns of an evaluation."""
    normalised: bool = True
    """Whether scores are human-normalised."""
    each_task: bool = False
    """Whether every task also gets a pair of axes of its own, with plain returns."""
    common: Flags = field(default_factory=dict)
    """Flags of every run."""

    def runs(self) -> tuple[PlannedRun, ...]:
        """Returns a run for every panel, arm, value, task and seed, in that order.

        Two of them may have the same configuration: ``unique`` keeps the first.
        """
        if self.kind == "schedule":
            return ()
        return tuple(
            self._run(panel, arm, value, task, seed)
            for panel in self.panels
            for arm in panel.arms
            for value in (panel.values or (None,))
            for task in self.tasks
            for seed in range(self.seeds)
        )

    def flags(self, panel: Panel, arm: Arm, value: float | None = None) -> dict[str, object]:
        """Returns the flags of an arm's runs at one value of the varied flag, without task and seed."""
        # An offline run has iterations for a length: the preset's, or those in ``common``.
        length = {} if self.command == "offline" else {"total_frames": self.length}
        varied = {panel.varied: value} if panel.varied else {}
        return length | dict(self.common) | dict(arm.flags) | varied

    def _run(self, panel: Panel, arm: Arm, value: float | None, task: str, seed: int) -> PlannedRun:
        flags = self.flags(panel, arm, value)
        if self.command == "offline":  # every seed learns from another run of the data set
            flags["dataset_run"] = seed + 1
        config = resolve(flags, task=task, seed=seed)
        run_id, name = config_io.config_hash(config)[:12], Path(config_io.default_run_dir(config)).name
        return PlannedRun(panel.title, arm.label, value, task, seed, self.command, config, run_id, name)


def resolve(flags: Flags, *, task: str, seed: int) -> Config:
    """Returns the configuration of an agent's preset with ``flags`` applied.

    Args:
      flags: flat fields, ``agent`` among them; lengths by the names of game runs (``total_frames``).
      task: game or environment, in its canonical spelling.
      seed: of the run.

    Raises:
      KeyError: a flag is no field.
    """
    base: Any = _base(flags)
    kind: Any = type(base)
    fields = configuration.flatten(base)
    own_names = {name if name in fields else _OTHER_NAMES.get(name, name): flags[name] for name in flags}
    types = config_io.field_types(kind)
    # Widths 3 and 3.0 must give equal configurations.
    values = {name: types[name](value) if name in types else value for name, value in own_names.items()}
    return configuration.replace(base, **values, **{base.kind.task_field: task, "seed": seed})


def unique(runs: Iterable[PlannedRun]) -> tuple[PlannedRun, ...]:
    """Returns the first run of every ``run_id``, in order."""
    first: dict[str, PlannedRun] = {}
    for run in runs:
        first.setdefault(run.run_id, run)
    return tuple(first.values())


def _base(flags: Flags) -> Config:
    """Returns the preset that the flags change."""
    return configuration.preset(str(flags["agent"]), suite=str(flags.get("suite", "atari")))


def _flag_text(value: object) -> str:
    """Returns a value as it is written on a command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)
