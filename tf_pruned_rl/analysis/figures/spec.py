"""What a figure is: panels of arms, the runs behind them, and how their scores are shown.

A sweep makes the runs of a figure and a drawing reads them; both go by ``Figure.runs``. Runs of the
same configuration have the same ``run_id`` and the same directory, whichever figure asks for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

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
"""What other kinds of runs than those on games call a field."""


@dataclass(frozen=True)
class Arm:
    """One line, or one bar: what is compared with the other arms of a panel."""

    label: str
    flags: Flags
    """What its runs have in common, ``agent`` among them."""


@dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    title: str
    x: str
    """``frames``, ``steps`` or ``iteration``; ``method``; or the flag that ``varied`` names."""
    arms: tuple[Arm, ...]
    varied: str = ""
    """The flag that every arm is run with several values of: ``width`` or ``replay_ratio``; or none."""
    values: tuple[float, ...] = ()
    """Those values."""


@dataclass(frozen=True)
class Run:
    """One run of a training command, and its place in a figure."""

    panel: str
    arm: str
    value: float | None
    """Of the flag the panel varies; None where it varies none."""
    task: str
    """Game, or environment of continuous control."""
    seed: int
    command: Command
    """The command's name: ``experiments/COMMAND.py`` makes the run."""
    config: Config
    """Whole; its ``run_dir`` is empty."""
    run_id: str
    """Twelve hexadecimal digits, equal exactly where the configurations are (run_dir and threads apart)."""
    name: str
    """Of its directory, below the sweep's."""

    def flags(self) -> list[str]:
        """Returns the flags of the command that say all of this, without ``--run_dir``."""
        flat = configuration.flatten(self.config)
        base = configuration.flatten(_base(flat))
        changed = {name: value for name, value in flat.items() if value != base[name]}
        # Continuous control has one agent, and its command no flag for it.
        agent = ("agent",) if self.command != "continuous" else ()
        named = {name: flat[name] for name in (*agent, self.config.kind.task_field, "seed")}
        if flat.get("suite", "atari") != "atari":
            named["suite"] = flat["suite"]
        # These are always said; the rest where the agent's preset, for the suite, says otherwise.
        return [f"--{name}={_text(value)}" for name, value in (named | changed).items()]


@dataclass(frozen=True)
class Figure:
    """A figure of the paper, at the paper's budget until ``budgets.scaled`` makes it smaller."""

    number: str
    """``1`` to ``17``, or a word for what the paper has no figure of."""
    title: str
    command: Command
    kind: Kind
    panels: tuple[Panel, ...]
    tasks: tuple[str, ...] = ()
    seeds: int = 5
    length: int = 40_000_000
    """Of a run: emulator frames, steps in continuous control, gradient steps offline."""
    score: Score = "iteration"
    """The records a score comes from: training returns of an iteration, or an evaluation's."""
    normalised: bool = True
    """Whether scores are human-normalised."""
    each_task: bool = False
    """Whether each task has, beside those of all together, a pair of axes of its own with plain returns."""
    common: Flags = field(default_factory=dict)
    """Flags of every run."""

    def runs(self) -> tuple[Run, ...]:
        """Returns one Run for every place in the figure: panel, arm, value, task and seed, in that order.

        Two places may share a run (``unique`` leaves the first of each).
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
        """Returns the flags of an arm's runs at one value of the varied flag, task and seed apart."""
        varied = {panel.varied: value} if panel.varied else {}
        # An offline run's length is its iterations, which are the preset's or in ``common``.
        length = {} if self.command == "offline" else {"total_frames": self.length}
        return length | dict(self.common) | dict(arm.flags) | varied

    def _run(self, panel: Panel, arm: Arm, value: float | None, task: str, seed: int) -> Run:
        flags = self.flags(panel, arm, value)
        if self.command == "offline":  # a run of the data for every seed
            flags["dataset_run"] = seed + 1
        config = resolve(flags, task=task, seed=seed)
        run_id, name = config_io.config_hash(config)[:12], Path(config_io.default_run_dir(config)).name
        return Run(panel.title, arm.label, value, task, seed, self.command, config, run_id, name)


def resolve(flags: Flags, *, task: str, seed: int) -> Config:
    """Returns the configuration that an agent's preset and ``flags`` make.

    Args:
      flags: flat fields, ``agent`` among them; lengths in frames, which continuous control calls steps.
      task: game or environment, in its one spelling.
      seed: of the run.

    Raises:
      KeyError: a flag is no field.
    """
    base = _base(flags)
    known = configuration.flatten(base)
    named = {name if name in known else _OTHER_NAMES.get(name, name): flags[name] for name in flags}
    types = config_io.field_types(type(base))
    # 3 and 3.0 are one width: their configurations must be equal, too.
    typed = {name: types[name](value) if name in types else value for name, value in named.items()}
    return configuration.replace(base, **typed, **{base.kind.task_field: task, "seed": seed})


def unique(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Returns the first Run of every ``run_id``, in order."""
    return tuple({run.run_id: run for run in reversed(list(runs))}.values())[::-1]


def _base(flags: Flags) -> Config:
    """Returns the preset that the flags are changes of."""
    return configuration.preset(str(flags["agent"]), suite=str(flags.get("suite", "atari")))


def _text(value: object) -> str:
    """Returns a value as a flag is given it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
