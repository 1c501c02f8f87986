"""The games: their names, the suites they form, and the scores of people and of random play."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import ale_py
from ale_py import roms

from tf_pruned_rl.environments.base import Screen
from tf_pruned_rl.errors import UserError

SUITE_15 = (
    *("MsPacman", "Pong", "Qbert", "Assault", "Asterix", "BeamRider", "Boxing", "Breakout", "CrazyClimber"),
    *("DemonAttack", "Enduro", "FishingDerby", "SpaceInvaders", "Tutankham", "VideoPinball"),
)
"""The 15 games of the paper's main results (Graesser et al., 2022)."""

SUITE_26 = (
    *("Alien", "Amidar", "Assault", "Asterix", "BankHeist", "BattleZone", "Boxing", "Breakout"),
    *("ChopperCommand", "CrazyClimber", "DemonAttack", "Freeway", "Frostbite", "Gopher", "Hero", "Jamesbond"),
    *("Kangaroo", "Krull", "KungFuMaster", "MsPacman", "Pong", "PrivateEye", "Qbert", "RoadRunner"),
    *("Seaquest", "UpNDown"),
)
"""The 26 games of the Atari 100k benchmark (Kaiser et al., 2020)."""

ANALYSIS_GAMES = ("BeamRider", "Breakout", "Enduro", "VideoPinball")
"""The games in which the paper looks inside the networks."""

SCORES: dict[str, tuple[float, float] | None] = {
    "AirRaid": None,
    "Alien": (227.8, 7127.7),
    "Amidar": (5.8, 1719.5),
    "Assault": (222.4, 742.0),
    "Asterix": (210.0, 8503.3),
    "Asteroids": (719.1, 47388.7),
    "Atlantis": (12850.0, 29028.1),
    "BankHeist": (14.2, 753.1),
    "BattleZone": (2360.0, 37187.5),
    "BeamRider": (363.9, 16926.5),
    "Berzerk": (123.7, 2630.4),
    "Bowling": (23.1, 160.7),
    "Boxing": (0.1, 12.1),
    "Breakout": (1.7, 30.5),
    "Carnival": None,
    "Centipede": (2090.9, 12017.0),
    "ChopperCommand": (811.0, 7387.8),
    "CrazyClimber": (10780.5, 35829.4),
    "DemonAttack": (152.1, 1971.0),
    "DoubleDunk": (-18.6, -16.4),
    "ElevatorAction": None,
    "Enduro": (0.0, 860.5),
    "FishingDerby": (-91.7, -38.7),
    "Freeway": (0.0, 29.6),
    "Frostbite": (65.2, 4334.7),
    "Gopher": (257.6, 2412.5),
    "Gravitar": (173.0, 3351.4),
    "Hero": (1027.0, 30826.4),
    "IceHockey": (-11.2, 0.9),
    "Jamesbond": (29.0, 302.8),
    "JourneyEscape": None,
    "Kangaroo": (52.0, 3035.0),
    "Krull": (1598.0, 2665.5),
    "KungFuMaster": (258.5, 22736.3),
    "MontezumaRevenge": (0.0, 4753.3),
    "MsPacman": (307.3, 6951.6),
    "NameThisGame": (2292.3, 8049.0),
    "Phoenix": (761.4, 7242.6),
    "Pitfall": (-229.4, 6463.7),
    "Pong": (-20.7, 14.6),
    "Pooyan": None,
    "PrivateEye": (24.9, 69571.3),
    "Qbert": (163.9, 13455.0),
    "Riverraid": (1338.5, 17118.0),
    "RoadRunner": (11.5, 7845.0),
    "Robotank": (2.2, 11.9),
    "Seaquest": (68.4, 42054.7),
    "Skiing": (-17098.1, -4336.9),
    "Solaris": (1236.3, 12326.7),
    "SpaceInvaders": (148.0, 1668.7),
    "StarGunner": (664.0, 10250.0),
    "Tennis": (-23.8, -8.3),
    "TimePilot": (3568.0, 5229.2),
    "Tutankham": (11.4, 167.6),
    "UpNDown": (533.4, 11693.2),
    "Venture": (0.0, 1187.5),
    "VideoPinball": (0.0, 17667.9),
    "WizardOfWor": (563.5, 4756.5),
    "YarsRevenge": (3092.9, 54576.9),
    "Zaxxon": (32.5, 9173.3),
}
"""Mean return of (random play, a human tester), by game of the suite of 60; None where no human was
measured. From Dopamine's labs/atari_100k/normalization_utils.py; other published tables differ."""

SUITE_60 = tuple(SCORES)
"""All games of Dopamine's Atari results."""

SUITES = {"15": SUITE_15, "26": SUITE_26, "60": SUITE_60, "analysis": ANALYSIS_GAMES}
"""The suites of Atari games by name."""


class MinAtarGame(NamedTuple):
    """A game of MinAtar."""

    module: str
    """Its name in the package."""
    channels: int
    """Kinds of things that a cell may hold."""
    random: float
    """Mean return of random play."""


MINATAR = {
    "Asterix": MinAtarGame("asterix", 4, 0.51),
    "Breakout": MinAtarGame("breakout", 4, 0.52),
    "Freeway": MinAtarGame("freeway", 7, 0.12),
    "Seaquest": MinAtarGame("seaquest", 10, 0.10),
    "SpaceInvaders": MinAtarGame("space_invaders", 6, 2.83),
}
"""The games of MinAtar. Random play was measured over 10,000 episodes of each (Freeway 2,000), with
minatar 1.0.15 under its own protocol; standard error at most 0.03. Nobody has measured people."""

# Games for two people only: the emulator cannot play them alone.
_TWO_PLAYERS = {"combat", "joust", "maze_craze", "warlords"}


@functools.cache
def rom_ids() -> dict[str, str]:
    """Returns {canonical name: name of its file} of all games there are, as ``{"MsPacman": "ms_pacman"}``."""
    ids = sorted(set(roms.get_all_rom_ids()) - _TWO_PLAYERS)
    return {rom.title().replace("_", ""): rom for rom in ids}


def all_games() -> tuple[str, ...]:
    """Returns the canonical names of all games that the Arcade Learning Environment can play."""
    return tuple(rom_ids())


def minatar_screen(game: str) -> Screen:
    """Returns what is seen of a game of MinAtar: all there is to know, so nothing is stacked."""
    return Screen((10, 10, MINATAR[game].channels), stack=1, max_value=1)


def check_game(name: str, suite: str = "atari") -> str:
    """Returns the canonical name of a game, as ``"MsPacman"``.

    Args:
      name: in any case, with or without separators (``ms_pacman``), or an id of gym or gymnasium
        (``ALE/Pong-v5``, ``PongNoFrameskip-v4``, ``MinAtar/Breakout-v1``).
      suite: atari or minatar.

    Raises:
      UserError: there is no such game; it names the nearest ones.
    """
    suites: dict[str, tuple[str, str, Iterable[str]]] = {
        "atari": ("ale-py", "ALE/", rom_ids()),
        "minatar": ("MinAtar", "MinAtar/", MINATAR),
    }
    package, namespace, games = suites[suite]
    known = {_plain(game): game for game in games}
    bare = re.sub(
        r"(NoFrameskip|Deterministic)?-v\d+$", "", name.strip().removeprefix(namespace), flags=re.IGNORECASE
    )
    if _plain(bare) in known:
        return known[_plain(bare)]
    near = difflib.get_close_matches(_plain(bare), known, n=3, cutoff=0.5)
    hint = (
        f"did you mean {' or '.join(known[match] for match in near)}?"
        if near
        else f"for example {'Pong' if suite == 'atari' else 'Freeway'} or Breakout"
    )
    raise UserError(f"unknown game {name!r}: --game takes one of the {len(known)} games of {package}; {hint}")


def rom_id(game: str) -> str:
    """Returns the name of the game's file: ``rom_id("MsPacman") == "ms_pacman"``."""
    return rom_ids()[game]


def rom_path(game: str) -> Path:
    """Returns where the file of a game is, given its canonical name.

    Raises:
      UserError: it is not there.
    """
    path = roms.get_rom_path(rom_id(game))
    if path is None:
        raise UserError(f"the file of {game} is missing in the package ale-py: install it again")
    return path


def emulator() -> ale_py.ALEInterface:
    """Returns an emulator without a game, which keeps quiet about itself."""
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    return ale_py.ALEInterface()


@functools.cache
def minimal_actions(game: str) -> tuple[str, ...]:
    """Returns the names of the actions that do something in the game, in the order of their numbers."""
    ale = emulator()
    ale.loadROM(rom_path(check_game(game)))
    return tuple(action.name for action in ale.getMinimalActionSet())


def human_normalised(game: str, score: float) -> float | None:
    """Returns (score - random) / (human - random): 0 for random play, 1 for a human tester.

    None where there is no human score: in five games of the 60, and in those outside it.
    """
    scores = SCORES.get(check_game(game))
    if scores is None:
        return None
    random, human = scores
    return (score - random) / (human - random)


def with_human_normalised(game: str, values: dict[str, float]) -> dict[str, float]:
    """Returns ``values`` with "human_normalised" beside its "mean_return", where both are known."""
    score = human_normalised(game, values["mean_return"]) if "mean_return" in values else None
    return values if score is None else {**values, "human_normalised": score}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
