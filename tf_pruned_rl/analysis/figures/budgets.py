"""Budgets: the one place where a figure is made smaller than the paper's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tf_pruned_rl.analysis.figures.spec import Arm, Command, Figure, Flags, Panel
from tf_pruned_rl.environments import games
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import SUITES

PREFERRED = ("Breakout", "Enduro", "Assault", "MsPacman", "Qbert", "Pong", "VideoPinball", "BeamRider")
"""Games that are kept first where not all are: they score early, and most have published curves."""
_NOT_IN_MINATAR = ("drq_eps",)
# An agent step is four frames on Atari and one on MinAtar; runs are equally long in agent steps.
_ATARI_FRAMES_PER_MINATAR_FRAME = 4


@dataclass(frozen=True)
class Budget:
    """How much of a figure is run."""

    divide: Mapping[Command, int]
    """What the length of a run is divided by. Pruning keeps its place in it, which is a fraction."""
    shortest: Mapping[Command, int]
    """Runs are not made shorter: the window of pruning, which ends at 80 %, must lie behind the warm-up."""
    games: int
    """At most so many games or tasks, PREFERRED ones first."""
    seeds: int
    """At most so many."""
    width: float = 1.0
    """Multiplies every width."""
    points: int = 0
    """Iterations, evaluations and checkpoints of a run, evenly spaced; 0 as in the paper."""
    flags: Mapping[Command, Flags] = field(default_factory=dict)
    """What else changes."""


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
    # Soon most actions are the network's: were they all random, every arm would have the same scores.
    "epsilon_decay_period": 100,
    "epsilon_train": 0.2,
}
_TINY_DATA: Flags = {"data_fraction": 1.0, "replay_capacity": 2_000, "log_every": 10, "diagnostics_every": 50}

BUDGETS: dict[str, Budget] = {
    "paper": Budget(divide={"online": 1, "continuous": 1, "offline": 1}, shortest={}, games=60, seeds=10),
    "small": Budget(
        divide={"online": 10, "continuous": 10, "offline": 10},
        shortest={"online": 20_000},
        games=4,
        seeds=3,
        points=10,
        flags={
            "online": {"reset_every": 10_000, "diagnostics_every": 32_000},
            "continuous": {"diagnostics_every": 2_000},
            "offline": {"reset_every": 10_000},
        },
    ),
    "smoke": Budget(
        divide={"online": 20_000, "continuous": 500, "offline": 62_500},
        shortest={"online": 2_000},
        games=2,
        seeds=2,
        width=0.25,
        points=4,
        flags={
            "online": {**_TINY, **_TINY_GAME},
            "continuous": {**_TINY, "min_replay_history": 200},
            "offline": {**_TINY, **_TINY_DATA},
        },
    ),
}
"""``paper`` is the paper's. ``small`` asks the same questions in a tenth of the frames, on four games, with
three seeds. ``smoke`` makes every run tiny (episodes are cut, networks are a quarter as wide): everything
happens, nothing is learned."""


def scaled(figure: Figure, budget: str, suite: str = "atari") -> Figure:
    """Returns the figure at a budget: shorter runs, fewer games and seeds, narrower networks.

    Frames, iterations, evaluations, checkpoints: divided. Games and seeds: the first of them. Widths:
    multiplied. Sparsities, replay ratios, methods and the pruning window (fractions of the run): unchanged,
    and so is what is drawn from an equation alone.

    Raises:
      UserError: there is no such budget or suite, or the figure is not about games.
    """
    for flag, word, words in (("budget", budget, tuple(BUDGETS)), ("suite", suite, tuple(SUITES))):
        if word not in words:
            raise UserError(f"--{flag}={word!r} is not one of {', '.join(words)}")
    if figure.kind == "schedule":
        return figure
    plan = BUDGETS[budget]
    common = dict(figure.common)
    tasks, length = figure.tasks, _length(figure, plan)
    if suite == "minatar" and not _in_minatar(figure):
        if figure.command != "online" or figure.kind == "published":
            raise UserError(f"figure {figure.number} is not about games that MinAtar has: leave --suite out")
        tasks, length = tuple(games.MINATAR), length // _ATARI_FRAMES_PER_MINATAR_FRAME
        common["suite"] = suite
    if plan.points:
        common |= _spacing(figure, length, plan.points)
    panels = [_scaled_panel(panel, plan, suite) for panel in figure.panels]
    return dataclasses.replace(
        figure,
        tasks=_preferred(tasks)[: plan.games] if budget != "paper" else tasks,
        seeds=min(figure.seeds, plan.seeds),
        length=length,
        panels=tuple(panel for panel in panels if panel.arms),
        common=common | dict(plan.flags.get(figure.command, {})),
    )


@dataclass(frozen=True)
class Cut:
    """A part of a figure; what is empty is not cut. Runs are left out, none is changed."""

    tasks: tuple[str, ...] = ()
    seeds: int = 0
    agents: tuple[str, ...] = ()
    values: tuple[float, ...] = ()
    """Of what the panels vary: widths, or replay ratios."""


def cut(figure: Figure, only: Cut) -> Figure:
    """Returns the part of the figure that ``only`` names.

    Raises:
      UserError: it names something that the figure has not, or nothing is left.
    """
    _check("games", only.tasks, figure.tasks)
    _check("agents", only.agents, [arm.flags["agent"] for panel in figure.panels for arm in panel.arms])
    _check("values", only.values, [value for panel in figure.panels for value in panel.values])
    if only.seeds > figure.seeds:
        raise UserError(f"--seeds={only.seeds}: figure {figure.number} has {figure.seeds} at this budget")
    panels = []
    for panel in figure.panels:
        arms = tuple(arm for arm in panel.arms if not only.agents or arm.flags["agent"] in only.agents)
        values = tuple(value for value in panel.values if not only.values or value in only.values)
        if arms and (values or not panel.values):
            panels.append(dataclasses.replace(panel, arms=arms, values=values))
    return dataclasses.replace(
        figure,
        tasks=tuple(task for task in figure.tasks if not only.tasks or task in only.tasks),
        seeds=only.seeds or figure.seeds,
        panels=tuple(panels),
    )


def _check(flag: str, wanted: Iterable[object], known: Iterable[object]) -> None:
    words = [_word(value) for value in dict.fromkeys(known)]
    for word in map(_word, wanted):
        if word not in words:
            raise UserError(f"--{flag}: {word} is not one of {', '.join(words) or 'none'}")


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _preferred(tasks: tuple[str, ...]) -> tuple[str, ...]:
    first = tuple(task for task in PREFERRED if task in tasks)
    return first + tuple(task for task in tasks if task not in first)


def _in_minatar(figure: Figure) -> bool:
    """Returns whether a figure is of MinAtar whatever the suite that is asked for."""
    return figure.common.get("suite") == "minatar"


def _length(figure: Figure, plan: Budget) -> int:
    shortest = plan.shortest.get(figure.command, 1)
    if _in_minatar(figure):
        shortest //= _ATARI_FRAMES_PER_MINATAR_FRAME
    return max(shortest, figure.length // plan.divide[figure.command])


def _spacing(figure: Figure, length: int, points: int) -> dict[str, object]:
    """Returns the flags that spread iterations, checkpoints and evaluations over a run."""
    every = max(1, length // points)
    spacing: dict[str, object] = {"iteration_frames": every, "checkpoint_every": every}
    if figure.command == "offline":
        spacing["iterations"] = points
    return spacing | ({"eval_every": every} if figure.score == "evaluation" else {})


def _scaled_panel(panel: Panel, plan: Budget, suite: str) -> Panel:
    values = tuple(value * plan.width for value in panel.values) if panel.varied == "width" else panel.values
    arms = tuple(
        Arm(arm.label, _scaled_flags(arm.flags, plan, suite))
        for arm in panel.arms
        if suite == "atari" or arm.flags["agent"] not in _NOT_IN_MINATAR
    )
    return dataclasses.replace(panel, arms=arms, values=values)


def _scaled_flags(flags: Flags, plan: Budget, suite: str) -> dict[str, object]:
    scaled_flags = dict(flags) | {"width": float(flags.get("width", 1.0)) * plan.width}  # type: ignore[arg-type]
    if suite == "minatar" and flags.get("network") == "nature":
        scaled_flags["network"] = "minatar"
    return scaled_flags
