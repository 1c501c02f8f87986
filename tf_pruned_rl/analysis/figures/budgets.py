"""Budgets: the one place where a figure is made smaller than the paper's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tf_pruned_rl.analysis.figures.spec import Arm, Command, Figure, Flags, Panel
from tf_pruned_rl.environments import games
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import SUITES

FIRST_GAMES = ("Breakout", "Enduro", "Assault", "MsPacman", "Qbert", "Pong", "VideoPinball", "BeamRider")
"""Games that a small budget keeps first: they score early, and most have published curves."""
_NOT_IN_MINATAR = ("drq_eps",)
# An agent step is four frames on Atari and one on MinAtar; runs are equally long in agent steps.
_ATARI_FRAMES_PER_MINATAR_FRAME = 4


@dataclass(frozen=True)
class Budget:
    """How much of a figure is run."""

    length_divisor: Mapping[Command, int]
    """Divides the length of a run. The pruning window, given in fractions of the run, scales with it."""
    min_length: Mapping[Command, int]
    """Shortest run: the pruning window, which ends at 80 %, must begin after the warm-up."""
    max_games: int
    """At most so many games or tasks, FIRST_GAMES first."""
    max_seeds: int
    """At most so many seeds."""
    width_factor: float = 1.0
    """Multiplies every width."""
    points: int = 0
    """Iterations, evaluations and checkpoints of a run, evenly spaced; 0 for the paper's."""
    flags: Mapping[Command, Flags] = field(default_factory=dict)
    """Other changes."""


_TINY: Flags = {
    "deterministic": True,
    "max_episode_steps": 100,
    "log_every": 100,
    "prune_every": 5,
    "redo_every": 20,
    "reset_every": 50,
    "diagnostics_every": 1_000,
    "diagnostics_batch": 64,
    "covariance_batch": 8,
    "eval_episodes": 2,
}
_TINY_GAME: Flags = {
    "min_replay_history": 80,
    "replay_capacity": 2_000,
    "target_update_period": 100,
    # Exploration ends soon: if all actions were random, every arm would have the same scores.
    "epsilon_decay_period": 100,
    "epsilon_train": 0.2,
}
_TINY_DATA: Flags = {"data_fraction": 1.0, "replay_capacity": 2_000, "log_every": 10, "diagnostics_every": 50}

BUDGETS: dict[str, Budget] = {
    "paper": Budget(
        length_divisor={"online": 1, "continuous": 1, "offline": 1}, min_length={}, max_games=60, max_seeds=10
    ),
    "small": Budget(
        length_divisor={"online": 10, "continuous": 10, "offline": 10},
        min_length={"online": 20_000},
        max_games=4,
        max_seeds=3,
        points=10,
        flags={
            "online": {"reset_every": 10_000, "diagnostics_every": 32_000},
            "continuous": {"diagnostics_every": 2_000},
            "offline": {"reset_every": 10_000},
        },
    ),
    "smoke": Budget(
        length_divisor={"online": 20_000, "continuous": 500, "offline": 62_500},
        min_length={"online": 2_000},
        max_games=2,
        max_seeds=2,
        width_factor=0.25,
        points=4,
        flags={
            "online": {**_TINY, **_TINY_GAME},
            "continuous": {**_TINY, "min_replay_history": 200},
            "offline": {**_TINY, **_TINY_DATA},
        },
    ),
}
"""``paper`` is the paper's. ``small`` has the same arms with a tenth of the frames, four games and three
seeds. ``smoke`` exercises everything in tiny runs (cut episodes, networks of a quarter of the width), from
which nothing can be learned."""


def at_budget(figure: Figure, budget: str, suite: str = "atari") -> Figure:
    """Returns the figure at a budget: shorter runs, fewer games and seeds, narrower networks.

    Lengths (frames, iterations, intervals of evaluations and checkpoints) are divided and widths are
    multiplied; the first games and seeds are kept. Sparsities, replay ratios, methods and the pruning
    window (fractions of the run) do not change, nor do figures of schedules, which need no runs.

    Raises:
      UserError: there is no such budget or suite, or the figure is not about games.
    """
    for flag, name, names in (("budget", budget, tuple(BUDGETS)), ("suite", suite, tuple(SUITES))):
        if name not in names:
            raise UserError(f"--{flag}={name!r} is not one of {', '.join(names)}")
    if figure.kind == "schedule":
        return figure
    plan = BUDGETS[budget]
    common = dict(figure.common)
    tasks, length = figure.tasks, _length(figure, plan)
    if suite == "minatar" and not _is_minatar(figure):
        if figure.command != "online" or figure.kind == "published":
            raise UserError(f"figure {figure.number} is not about games that MinAtar has: leave --suite out")
        tasks, length = tuple(games.MINATAR), length // _ATARI_FRAMES_PER_MINATAR_FRAME
        common["suite"] = suite
    if plan.points:
        common |= _intervals(figure, length, plan.points)
    panels = [_panel_at_budget(panel, plan, suite) for panel in figure.panels]
    return dataclasses.replace(
        figure,
        tasks=_first(tasks, plan.max_games) if budget != "paper" else tasks,
        seeds=min(figure.seeds, plan.max_seeds),
        length=length,
        panels=tuple(panel for panel in panels if panel.arms),
        common=common | dict(plan.flags.get(figure.command, {})),
    )


@dataclass(frozen=True)
class Selection:
    """A part of a figure: some of its runs, unchanged. An empty field selects all."""

    tasks: tuple[str, ...] = ()
    seeds: int = 0
    """The first so many; 0 for all."""
    agents: tuple[str, ...] = ()
    values: tuple[float, ...] = ()
    """Of the flag that panels vary: widths, or replay ratios."""


def select(figure: Figure, part: Selection) -> Figure:
    """Returns the part of the figure.

    Raises:
      UserError: the selection names something that the figure does not have.
    """
    _check("games", part.tasks, figure.tasks)
    _check("agents", part.agents, [arm.flags["agent"] for panel in figure.panels for arm in panel.arms])
    _check("values", part.values, [value for panel in figure.panels for value in panel.values])
    if part.seeds > figure.seeds:
        raise UserError(f"--seeds={part.seeds}: figure {figure.number} has {figure.seeds} at this budget")
    panels = []
    for panel in figure.panels:
        arms = tuple(arm for arm in panel.arms if not part.agents or arm.flags["agent"] in part.agents)
        values = tuple(value for value in panel.values if not part.values or value in part.values)
        if arms and (values or not panel.values):
            panels.append(dataclasses.replace(panel, arms=arms, values=values))
    return dataclasses.replace(
        figure,
        tasks=tuple(task for task in figure.tasks if not part.tasks or task in part.tasks),
        seeds=part.seeds or figure.seeds,
        panels=tuple(panels),
    )


def _check(flag: str, names: Iterable[object], allowed: Iterable[object]) -> None:
    choices = [_text(value) for value in dict.fromkeys(allowed)]
    for name in map(_text, names):
        if name not in choices:
            raise UserError(f"--{flag}: {name} is not one of {', '.join(choices) or 'none'}")


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _first(tasks: tuple[str, ...], count: int) -> tuple[str, ...]:
    """Returns ``count`` of the tasks, FIRST_GAMES before the others."""
    order = {game: place for place, game in enumerate(FIRST_GAMES)}
    return tuple(sorted(tasks, key=lambda task: order.get(task, len(order)))[:count])


def _is_minatar(figure: Figure) -> bool:
    """Returns whether the figure's own flags put it in MinAtar, whatever ``--suite`` says."""
    return figure.common.get("suite") == "minatar"


def _length(figure: Figure, plan: Budget) -> int:
    min_length = plan.min_length.get(figure.command, 1)
    if _is_minatar(figure):
        min_length //= _ATARI_FRAMES_PER_MINATAR_FRAME
    return max(min_length, figure.length // plan.length_divisor[figure.command])


def _intervals(figure: Figure, length: int, points: int) -> dict[str, object]:
    """Returns the flags that spread iterations, checkpoints and evaluations evenly over a run."""
    every = max(1, length // points)
    intervals: dict[str, object] = {"iteration_frames": every, "checkpoint_every": every}
    if figure.command == "offline":
        intervals["iterations"] = points
    return intervals | ({"eval_every": every} if figure.score == "evaluation" else {})


def _panel_at_budget(panel: Panel, plan: Budget, suite: str) -> Panel:
    values = panel.values
    if panel.varied == "width":
        values = tuple(value * plan.width_factor for value in values)
    arms = tuple(
        Arm(arm.label, _flags_at_budget(arm.flags, plan, suite))
        for arm in panel.arms
        if suite == "atari" or arm.flags["agent"] not in _NOT_IN_MINATAR
    )
    return dataclasses.replace(panel, arms=arms, values=values)


def _flags_at_budget(flags: Flags, plan: Budget, suite: str) -> dict[str, object]:
    width = float(flags.get("width", 1.0)) * plan.width_factor  # type: ignore[arg-type]
    network = {"network": "minatar"} if suite == "minatar" and flags.get("network") == "nature" else {}
    return {**flags, "width": width, **network}
