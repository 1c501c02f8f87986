"""The names, suites and scores of the games."""

from __future__ import annotations

import pytest

from tf_pruned_rl.environments import games
from tf_pruned_rl.errors import UserError

# As measured with ale-py 0.12.1; other releases may come with other sets.
MINIMAL_ACTIONS = {
    "MsPacman": 9,
    "Pong": 6,
    "Qbert": 6,
    "Assault": 7,
    "Asterix": 9,
    "BeamRider": 9,
    "Boxing": 18,
    "Breakout": 4,
    "CrazyClimber": 9,
    "DemonAttack": 6,
    "Enduro": 9,
    "FishingDerby": 18,
    "SpaceInvaders": 6,
    "Tutankham": 8,
    "VideoPinball": 9,
}


def test_suites_have_their_sizes_and_hold_each_other():
    assert {name: len(set(suite)) for name, suite in games.SUITES.items()} == {
        "15": 15,
        "26": 26,
        "60": 60,
        "analysis": 4,
    }
    assert set(games.SUITE_60) <= set(games.all_games())
    for suite in games.SUITES.values():
        assert set(suite) <= set(games.SUITE_60)
    assert set(games.ANALYSIS_GAMES) <= set(games.SUITE_15)


@pytest.mark.parametrize("game", games.SUITE_15)
def test_minimal_action_counts(game):
    actions = games.minimal_actions(game)
    assert len(actions) == MINIMAL_ACTIONS[game]
    assert actions[0] == "NOOP"
    assert len(set(actions)) == len(actions)


def test_action_names():
    assert games.minimal_actions("Breakout") == ("NOOP", "FIRE", "RIGHT", "LEFT")
    assert games.minimal_actions("Pong") == ("NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE")


@pytest.mark.parametrize(
    ("name", "game"),
    [
        ("Pong", "Pong"),
        ("pong", "Pong"),
        ("MSPACMAN", "MsPacman"),
        ("ms_pacman", "MsPacman"),
        ("Ms Pacman", "MsPacman"),
        ("ALE/Pong-v5", "Pong"),
        ("PongNoFrameskip-v4", "Pong"),
        ("PongDeterministic-v0", "Pong"),
        ("up-n-down", "UpNDown"),
        ("tic_tac_toe_3d", "TicTacToe3D"),
        ("Qbert", "Qbert"),
    ],
)
def test_game_names_are_understood(name, game):
    assert games.check_game(name) == game


@pytest.mark.parametrize(
    ("name", "near"), [("Breakot", "Breakout"), ("ALE/Pongg-v5", "Pong"), ("pacmn", "Pacman")]
)
def test_unknown_game_names_the_nearest(name, near):
    with pytest.raises(UserError) as error:
        games.check_game(name)
    message = str(error.value)
    assert name in message
    assert near in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "game"),
    [("Breakout", "Breakout"), ("space_invaders", "SpaceInvaders"), ("MinAtar/Asterix-v1", "Asterix")],
)
def test_games_of_minatar_are_understood(name, game):
    assert games.check_game(name, "minatar") == game


@pytest.mark.parametrize(("name", "near"), [("frreway", "Freeway"), ("Pong", "Freeway or Breakout")])
def test_other_games_are_not_of_minatar(name, near):
    with pytest.raises(UserError, match=f"one of the 5 games of MinAtar; .*{near}"):
        games.check_game(name, "minatar")


@pytest.mark.parametrize("name", ["", "qwxyzzy", "-v5", "warlords"])
def test_unlike_any_game(name):
    with pytest.raises(UserError, match="unknown game"):
        games.check_game(name)


def test_every_game_has_its_file():
    assert len(games.all_games()) == 104  # gymnasium's count of ALE/*-v5
    assert all(games.rom_path(game).is_file() for game in games.all_games())
    assert games.rom_id("MsPacman") == "ms_pacman"


def test_games_without_a_human_score():
    without = {game for game in games.SUITE_60 if games.human_normalised(game, 1.0) is None}
    assert without == {"AirRaid", "Carnival", "ElevatorAction", "JourneyEscape", "Pooyan"}
    assert games.human_normalised("Tetris", 1.0) is None


@pytest.mark.parametrize(
    ("game", "score", "normalised"),
    [
        ("Pong", -20.7, 0.0),
        ("Pong", 14.6, 1.0),
        ("Breakout", 30.5, 1.0),
        ("breakout", 16.1, 0.5),  # (16.1 - 1.7) / 28.8
        ("FishingDerby", -118.2, -0.5),  # (-118.2 + 91.7) / 53
        ("Skiing", -4336.9, 1.0),
        ("VideoPinball", 35335.8, 2.0),
        ("BeamRider", 16926.5, 1.0),
        ("Enduro", 430.25, 0.5),
    ],
)
def test_human_normalised(game, score, normalised):
    assert games.human_normalised(game, score) == pytest.approx(normalised, abs=1e-12)


def test_every_human_beats_random_play():
    assert all(scores is None or scores[1] > scores[0] for scores in games.SCORES.values())
    assert sum(scores is None for scores in games.SCORES.values()) == 5
