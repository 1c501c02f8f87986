"""Saving in the middle of an episode and going on exactly, in one environment and in several."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from tf_pruned_rl.environments import AtariEnvironment, VectorAtariEnvironment, resumable
from tf_pruned_rl.errors import UserError


def go_on(environment, steps: int, seed: int) -> tuple[str, list]:
    """Returns a digest of all that is seen in ``steps`` random steps, and the episodes that ended."""
    generator, seen = np.random.default_rng(seed), hashlib.sha256()
    for _ in range(steps):
        actions = generator.integers(environment.num_actions, size=environment.num_envs).astype(np.int32)
        for each in environment.step(actions):
            seen.update(each.tobytes())
    return seen.hexdigest(), environment.finished()


def make(game: str, num_envs: int, **options):
    if num_envs == 1:
        return AtariEnvironment(game, **options)
    return VectorAtariEnvironment(game, num_envs, **options)


# The emulator's own snapshots fail in Q*bert.
@pytest.mark.parametrize(
    ("game", "num_envs"),
    [("Pong", 1), ("Breakout", 1), ("Qbert", 1), ("Qbert", 2)],
)
def test_going_on_after_a_load_is_exact(game, num_envs, tmp_path):
    environment = make(game, num_envs, seed=7)
    environment.reset()
    go_on(environment, 200, seed=0)
    environment.save(tmp_path, None)
    expected = go_on(environment, 500, seed=1)
    other = make(game, num_envs, seed=99)  # the saved seed is the one that counts
    other.load(tmp_path)
    assert go_on(other, 500, seed=1) == expected


@pytest.mark.parametrize("num_envs", [1, 2])
def test_lost_lives_and_idle_starts_go_on_exactly(num_envs, monkeypatch, tmp_path):
    monkeypatch.setattr(resumable, "RESEED_EVERY", 100)
    rules = {"terminal_on_life_loss": True, "max_noops": 30}
    environment = AtariEnvironment("Breakout", num_envs, seed=7, **rules)
    environment.reset()
    go_on(environment, 300, seed=0)
    environment.save(tmp_path, None)
    expected = go_on(environment, 300, seed=1)
    other = AtariEnvironment("Breakout", num_envs, seed=99, **rules)
    other.load(tmp_path)
    assert go_on(other, 300, seed=1) == expected
    assert expected[1]


def test_load_in_place(tmp_path):
    environment = AtariEnvironment("Pong", seed=7)
    environment.reset()
    go_on(environment, 80, seed=0)
    environment.save(tmp_path, None)
    expected = go_on(environment, 80, seed=1)
    environment.load(tmp_path)
    assert go_on(environment, 80, seed=1) == expected


@pytest.mark.parametrize("num_envs", [1, 2])
def test_emulators_are_seeded_again_now_and_then(num_envs, monkeypatch, tmp_path):
    monkeypatch.setattr(resumable, "RESEED_EVERY", 40)
    environment = make("Breakout", num_envs, seed=7, max_episode_steps=25)
    environment.reset()
    go_on(environment, 130, seed=0)  # episodes of 25: seeded at 0, 50, 100
    assert environment._seedings.tolist() == [2] * num_envs
    assert [len(actions) for actions in environment._actions] == [30] * num_envs
    environment.save(tmp_path, None)
    expected = go_on(environment, 60, seed=1)
    other = make("Breakout", num_envs, seed=7, max_episode_steps=25)
    other.load(tmp_path)
    assert go_on(other, 60, seed=1) == expected


def test_recordings_of_different_lengths(monkeypatch, tmp_path):
    monkeypatch.setattr(resumable, "RESEED_EVERY", 100)
    environment = VectorAtariEnvironment("Breakout", 3, seed=2)
    environment.reset()
    go_on(environment, 250, seed=0)
    lengths = [len(actions) for actions in environment._actions]
    assert len(set(lengths)) == 3  # ended at different times
    environment.save(tmp_path, None)
    expected = go_on(environment, 150, seed=1)
    other = VectorAtariEnvironment("Breakout", 3, seed=2)
    other.load(tmp_path)
    assert go_on(other, 150, seed=1) == expected


def test_in_another_process(tmp_path):
    environment = AtariEnvironment("Breakout", seed=1)
    environment.reset()
    go_on(environment, 250, seed=0)
    environment.save(tmp_path, None)
    program = (
        "import importlib.util, pathlib, sys\n"
        "spec = importlib.util.spec_from_file_location('helper', sys.argv[1])\n"
        "helper = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(helper)\n"
        "environment = helper.AtariEnvironment('Breakout', seed=0)\n"
        "environment.load(pathlib.Path(sys.argv[2]))\n"
        "print(helper.go_on(environment, 500, seed=1))\n"
    )
    arguments = [sys.executable, "-c", program, __file__, str(tmp_path)]
    printed = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
    assert printed.strip() == str(go_on(environment, 500, seed=1))


def test_episodes_not_yet_collected_are_saved(tmp_path):
    environment = AtariEnvironment("Pong", seed=0, max_episode_steps=10)
    environment.reset()
    for _ in range(25):
        environment.step(np.array([1], np.int32))
    environment.save(tmp_path, None)
    other = AtariEnvironment("Pong", seed=0, max_episode_steps=10)
    other.load(tmp_path)
    episodes = other.finished()
    assert [episode.end_agent_step for episode in episodes] == [10, 20]
    assert episodes == environment.finished()
    other.step(np.array([1], np.int32))
    assert other._agent_steps == 26


def test_before_the_first_reset(tmp_path):
    environment = AtariEnvironment("Pong", seed=0)
    environment.save(tmp_path, None)
    other = AtariEnvironment("Pong", seed=1)
    other.load(tmp_path)
    assert other.reset().tobytes() == environment.reset().tobytes()
    assert go_on(other, 20, seed=0) == go_on(environment, 20, seed=0)


def test_a_reset_abandons_the_episode_and_begins_another():
    environment = AtariEnvironment("Pong", seed=0, max_episode_steps=20)
    environment.reset()
    first = go_on(environment, 15, seed=0)[0]
    environment.reset()
    second, episodes = go_on(environment, 15, seed=0)
    assert episodes == []
    assert first != second


@pytest.mark.parametrize(("game", "num_envs"), [("Breakout", 1), ("Pong", 2)])
def test_a_state_of_something_else_is_refused(game, num_envs, tmp_path):
    environment = AtariEnvironment("Pong", seed=0)
    environment.reset()
    environment.save(tmp_path, None)
    with pytest.raises(UserError, match="holds 1 x Pong"):
        make(game, num_envs, seed=0).load(tmp_path)


def test_a_replay_that_leads_elsewhere_is_noticed(tmp_path):
    environment = AtariEnvironment("Pong", seed=0)
    environment.reset()
    go_on(environment, 60, seed=0)
    environment.save(tmp_path, None)
    path = tmp_path / "environment.json"
    state = json.loads(path.read_text())
    path.write_text(json.dumps(state | {"seed": 1}))
    with pytest.raises(UserError, match="another state"):
        AtariEnvironment("Pong", seed=0).load(tmp_path)


@pytest.mark.parametrize("num_envs", [1, 2])
def test_mistakes_in_calling(num_envs):
    environment = make("Pong", num_envs, seed=0)
    with pytest.raises(RuntimeError, match="reset"):
        environment.step(np.zeros(num_envs, np.int32))
    environment.reset()
    for action in (-1, environment.num_actions):
        with pytest.raises(ValueError, match="not in"):
            environment.step(np.full(num_envs, action, np.int32))
    with pytest.raises(ValueError, match="actions for"):
        environment.step(np.zeros(num_envs + 1, np.int32))


def test_seeds_of_emulators_differ():
    seeds = {
        resumable.emulator_seed(seed, env, seeding)
        for seed in range(5)
        for env in range(5)
        for seeding in range(5)
    }
    assert len(seeds) == 125
    assert all(0 <= seed < 2**31 for seed in seeds)
