"""The published curves: that the table is whole, and single cells of it."""

from __future__ import annotations

import pytest

from tf_pruned_rl.analysis import published
from tf_pruned_rl.analysis.published import Band

GAMES = (
    "Assault Asterix BeamRider Breakout CrazyClimber DemonAttack Enduro FishingDerby MsPacman Pong Qbert "
    "SpaceInvaders Tutankham VideoPinball"
).split()
ITERATIONS = [0, 1, 2, 3, 4, 9, 19, 39]
SETTINGS = [(agent, network) for agent in ("dqn", "rainbow") for network in ("nature", "impala")]


@pytest.mark.parametrize(("agent", "network"), SETTINGS)
def test_every_game_has_every_iteration(agent, network):
    for game in GAMES:
        bands = published.curve(agent, network, game)
        assert list(bands) == ITERATIONS
        for band in bands.values():
            assert band.low <= band.mean <= band.high
    means = {tuple(b.mean for b in published.curve(agent, network, game).values()) for game in GAMES}
    assert len(means) == len(GAMES), "no row is there twice"


@pytest.mark.parametrize(
    ("agent", "network", "game", "iteration", "band"),
    [
        ("dqn", "nature", "Breakout", 1, Band(7.1, 5.6, 8.1)),
        ("dqn", "nature", "VideoPinball", 39, Band(282043, 193207, 387214)),
        ("rainbow", "nature", "Breakout", 1, Band(4.5, 3.8, 5.0)),
        ("rainbow", "nature", "Pong", 3, Band(-16.7, -19.6, -14.1)),
        ("dqn", "impala", "Assault", 0, Band(341, 329, 353)),
        ("dqn", "impala", "Enduro", 9, Band(1401, 1211, 1617)),
        ("rainbow", "impala", "Pong", 2, Band(-6.3, -12.0, 4.3)),
        ("rainbow", "impala", "VideoPinball", 39, Band(452626, 352408, 561008)),
    ],
)
def test_cells(agent, network, game, iteration, band):
    assert published.curve(agent, network, game)[iteration] == band


def test_case_of_the_game_does_not_matter():
    assert published.curve("dqn", "nature", "mspacman") == published.curve("dqn", "nature", "MsPacman")


def test_what_was_not_published_has_no_band():
    assert published.curve("dqn", "nature", "Boxing") == {}
    assert published.curve("sac", "nature", "Pong") == {}


def test_a_curve_is_the_callers_own():
    published.curve("dqn", "nature", "Pong").clear()
    assert len(published.curve("dqn", "nature", "Pong")) == len(ITERATIONS)


@pytest.mark.parametrize(
    ("value", "place"),
    [(5.54, "below"), (5.56, "inside"), (7.0, "inside"), (8.149, "inside"), (8.16, "above")],
)
def test_place_goes_by_the_precision_of_the_band(value, place):
    assert Band(7.1, 5.6, 8.1).place(value) == place


@pytest.mark.parametrize(
    ("value", "text"),
    [(7.04, "7.0"), (-20.26, "-20.3"), (99.96, "100"), (123.4, "123"), (12345.6, "12,346"), (0.0, "0.0")],
)
def test_to_text(value, text):
    assert published.to_text(value) == text
