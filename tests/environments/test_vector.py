"""Games side by side: each must be what the single game is, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest

from tf_pruned_rl.environments import AtariEnvironment, VectorAtariEnvironment, resumable

SEED = 5


@pytest.fixture
def same_seeds(monkeypatch):
    """Gives environment ``i`` of seed ``s`` the emulator seeds of a single environment of seed ``s + i``."""
    original = resumable.emulator_seed
    monkeypatch.setattr(
        resumable, "emulator_seed", lambda seed, env, seeding: original(seed + env, 0, seeding)
    )


def play(environment, actions: np.ndarray):
    """Steps through actions [T, N]; returns stacked frames, rewards, terminals, truncations."""
    return tuple(np.array(each) for each in zip(*[environment.step(a) for a in actions], strict=True))


@pytest.mark.parametrize(
    ("game", "limit", "steps"),
    [("Breakout", 27_000, 300), ("MsPacman", 60, 130), ("JourneyEscape", 27_000, 60)],
)
def test_each_is_the_single_game(game, limit, steps, same_seeds, monkeypatch):
    monkeypatch.setattr(resumable, "RESEED_EVERY", 100)
    together = VectorAtariEnvironment(game, 2, seed=SEED, max_episode_steps=limit)
    first = together.reset()
    actions = np.random.default_rng(0).integers(together.num_actions, size=(steps, 2)).astype(np.int32)
    outcome = play(together, actions)
    episodes = together.finished()
    assert first.shape == (2, 84, 84)
    assert [each.dtype for each in outcome] == [np.uint8, np.float32, bool, bool]
    assert len(episodes) >= {"Breakout": 2, "MsPacman": 4, "JourneyEscape": 0}[game]
    for env in range(2):
        alone = AtariEnvironment(game, seed=SEED + env, max_episode_steps=limit)
        np.testing.assert_array_equal(alone.reset()[0], first[env])
        for ours, theirs in zip(play(alone, actions[:, env : env + 1]), outcome, strict=True):
            np.testing.assert_array_equal(ours[:, 0], theirs[:, env])
        expected = [(e.episode_return, e.agent_steps) for e in alone.finished()]
        assert [(e.episode_return, e.agent_steps) for e in episodes if e.env == env] == expected
    assert together.action_meanings == alone.action_meanings


def test_environments_differ_from_each_other():
    environment = VectorAtariEnvironment("Breakout", 2, seed=SEED)
    environment.reset()
    actions = np.random.default_rng(0).integers(environment.num_actions, size=(100, 1)).astype(np.int32)
    frames = play(environment, np.repeat(actions, 2, axis=1))[0]
    assert (frames[:, 0] != frames[:, 1]).any()


def test_the_number_of_threads_changes_nothing():
    def outcome(threads: int) -> bytes:
        environment = VectorAtariEnvironment("Pong", 3, seed=SEED, num_threads=threads)
        environment.reset()
        actions = np.random.default_rng(0).integers(environment.num_actions, size=(100, 3)).astype(np.int32)
        return play(environment, actions)[0].tobytes()

    assert outcome(1) == outcome(2)


def test_episodes_are_counted_over_all_environments():
    environment = VectorAtariEnvironment("Pong", 2, seed=SEED, max_episode_steps=6)
    environment.reset()
    play(environment, np.zeros((12, 2), np.int32))
    counted = [
        (episode.env, episode.agent_steps, episode.end_agent_step) for episode in environment.finished()
    ]
    assert counted == [(0, 6, 12), (1, 6, 12), (0, 6, 24), (1, 6, 24)]
