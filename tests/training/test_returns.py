"""Returns of training episodes: running numbers, iterations, state."""

from __future__ import annotations

import pytest

from tf_pruned_rl.environments import Episode
from tf_pruned_rl.training.returns import RECENT, Returns


def episodes(*returns: float) -> list[Episode]:
    return [Episode(0, value, 10, 10) for value in returns]


def test_nothing_is_said_before_an_episode_has_ended():
    returns = Returns()
    assert returns.running() == {"episodes": 0.0}
    assert returns.end_iteration() == {"episodes": 0.0}


def test_last_and_mean_of_the_last_hundred():
    returns = Returns()
    returns.add(episodes(*range(RECENT + 20)))
    assert returns.running() == {"episodes": 120.0, "last_return": 119.0, "mean_return": 69.5}


def test_an_iteration_counts_its_own_episodes_only():
    returns = Returns()
    returns.add(episodes(1.0, 3.0))
    assert returns.end_iteration() == {"episodes": 2.0, "mean_return": 2.0}
    returns.add(episodes(10.0))
    assert returns.end_iteration() == {"episodes": 1.0, "mean_return": 10.0}
    assert returns.running()["mean_return"] == pytest.approx(14 / 3)


def test_state_survives(tmp_path):
    returns, again = Returns(), Returns()
    returns.add(episodes(0.1, 0.2, 0.7))
    returns.save(tmp_path, None)
    again.load(tmp_path)
    assert again.running() == returns.running()
    assert again.end_iteration() == returns.end_iteration()
