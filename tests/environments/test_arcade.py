"""What both Atari environments share: actions as bytes, and when an episode is over."""

from __future__ import annotations

import numpy as np
import pytest

from tf_pruned_rl.environments import DiscreteSpec
from tf_pruned_rl.environments.arcade import ArcadeEnvironment


class Scripted(ArcadeEnvironment):
    """Two games, of which the first says at its third step that it is over."""

    def __init__(self, limit: int):
        self._step = 0
        super().__init__("Pong", ("NOOP", "UP", "DOWN"), num_envs=2, seed=0, max_episode_steps=limit)

    def _restart(self, which, seeds):
        return np.zeros((2, 84, 84), np.uint8)

    def _play(self, actions):
        self._step += 1
        over = np.array([self._step == 3, False])
        return np.zeros((2, 84, 84), np.uint8), np.zeros(2, np.float32), over

    def _games_over(self):
        return np.array([self._step == 3, False])


def test_actions_are_a_byte_each_and_come_back():
    environment = Scripted(10)
    packed = environment._pack(np.array([2, 0]))
    assert packed == [b"\x02", b"\x00"]
    assert environment._unpack(b"".join(packed)).tolist() == [2, 0]
    assert environment._idle() == 0 and environment.spec == DiscreteSpec(3)
    for action in (3, -1):
        with pytest.raises(ValueError, match=rf"action {action} is not in \[0, 3\)"):
            environment._pack(np.array([0, action]))


def test_the_limit_cuts_and_a_game_that_ends_is_not_cut_too():
    environment, seen = Scripted(3), []
    for length in (1, 2, 3):
        environment._lengths = np.array([length, length])
        _, _, terminals, truncations = environment._advance(np.array([0, 0]))
        seen.append((terminals.tolist(), truncations.tolist()))
        ended = environment._ended(terminals, truncations)
    assert seen == [([False, False], [False, False])] * 2 + [([True, False], [False, True])]
    assert ended.tolist() == [True, True]
