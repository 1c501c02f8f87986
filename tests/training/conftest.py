"""A small configuration, and an environment whose every frame and reward is known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from tf_pruned_rl import config
from tf_pruned_rl.environments import DiscreteSpec, Episode, Screen

SMALL = {
    "network": "nature",
    "width": 0.25,
    "game": "Pong",
    "batch_size": 4,
    "replay_capacity": 600,
    "min_replay_history": 40,
    "total_frames": 1_600,
    "iteration_frames": 800,
    "log_every": 160,
    "checkpoint_every": 400,
    "epsilon_decay_period": 100,
    "target_update_period": 40,
    "prune_every": 7,
}


@pytest.fixture
def small():
    """Rainbow on Pong with a tiny network: 400 agent steps, 90 gradient steps."""
    return config.replace(config.preset("rainbow"), **SMALL)


class CountingEnvironment:
    """Frame k of the run is filled with k; rewards are 3, -2, 0.5 in turn; episodes last 5 steps."""

    num_envs, spec, screen, game = 1, DiscreteSpec(3), Screen(), "Pong"
    action_meanings = ("NOOP", "LEFT", "RIGHT")
    rewards = (3.0, -2.0, 0.5)

    def __init__(self) -> None:
        self.count, self.actions = 0, []

    def reset(self) -> np.ndarray:
        self.count = 1
        return self.frame()

    def step(self, actions: np.ndarray):
        self.actions.append(int(actions[0]))
        reward = self.rewards[(self.count - 1) % 3]
        terminal = self.count % 5 == 0
        self.count += 1
        return self.frame(), np.array([reward], np.float32), np.array([terminal]), np.array([False])

    def frame(self) -> np.ndarray:
        return np.full((1, 84, 84), self.count, np.uint8)

    def finished(self) -> list[Episode]:
        return []


@pytest.fixture
def counting() -> CountingEnvironment:
    return CountingEnvironment()
