"""The games of MinAtar, step by step against the package itself, and saved in the middle of an episode."""

from __future__ import annotations

import builtins

import minatar
import numpy as np
import pytest

from tf_pruned_rl import config, environments
from tf_pruned_rl.environments import Episode, MinAtarEnvironment, games, resumable
from tf_pruned_rl.errors import UserError


class Reference:
    """The package's own environment, restarted where an episode ends."""

    def __init__(self, game: str, seed: int, **options):
        self.game = minatar.Environment(games.MINATAR[game].module, **options)
        self.game.seed(seed)
        self.game.reset()

    def step(self, action: int) -> tuple[np.ndarray, float, bool]:
        reward, terminal = self.game.act(action)
        if terminal:
            self.game.reset()
        return self.game.state(), reward, terminal


@pytest.mark.parametrize("sticky_actions", [0.1, 0.0])
@pytest.mark.parametrize("game", games.MINATAR)
def test_every_step_is_the_packages(game, sticky_actions):
    environment = MinAtarEnvironment(game, 2, seed=5, sticky_actions=sticky_actions)
    frames = environment.reset()
    # The streams of both copies are apart.
    seeds = [resumable.emulator_seed(5, env, 0) for env in range(2)]
    references = [Reference(game, seed, sticky_action_prob=sticky_actions) for seed in seeds]
    for frame, reference in zip(frames, references, strict=True):
        np.testing.assert_array_equal(frame, reference.game.state())
    generator, ends = np.random.default_rng(1), 0
    for _ in range(700):
        actions = generator.integers(6, size=2).astype(np.int32)
        frames, rewards, terminals, truncations = environment.step(actions)
        expected = [each.step(action) for each, action in zip(references, actions.tolist(), strict=True)]
        np.testing.assert_array_equal(frames, np.stack([frame for frame, _, _ in expected]))
        assert rewards.tolist() == [reward for _, reward, _ in expected]
        assert terminals.tolist() == [terminal for _, _, terminal in expected]
        assert not truncations.any()
        ends += int(terminals.sum())
    assert frames.dtype == np.uint8 and rewards.dtype == np.float32 and set(np.unique(frames)) == {0, 1}
    assert ends == len(environment.finished())
    assert ends > 5 or game == "Freeway"  # its games last 2,500 steps


@pytest.mark.parametrize("game", games.MINATAR)
def test_the_table_is_as_the_package_says(game):
    known = games.MINATAR[game]
    package = minatar.Environment(known.module)
    environment = MinAtarEnvironment(game, seed=0)
    assert environment.screen == ((10, 10, known.channels), 1, 1)
    assert list(environment.screen.observation_shape) == package.state_shape()
    assert environment.num_actions == package.num_actions()
    letters = [name[0].lower() for name in environment.action_meanings]
    assert letters == package.env.action_map
    assert environment.reset().shape == (1, *environment.frame_shape)


@pytest.mark.parametrize("game", ["Breakout", "Seaquest"])
def test_random_play_is_what_the_table_says(game):
    environment = MinAtarEnvironment(game, seed=3)
    environment.reset()
    generator, returns = np.random.default_rng(2), []
    while len(returns) < 400:
        environment.step(generator.integers(6, size=1).astype(np.int32))
        returns += [episode.episode_return for episode in environment.finished()]
    # Within four standard errors.
    assert np.mean(returns) == pytest.approx(games.MINATAR[game].random, abs=4 * np.std(returns) / 20)


def test_episodes_are_cut_at_the_limit_and_counted():
    environment = MinAtarEnvironment("Freeway", seed=1, max_episode_steps=30)
    environment.reset()
    cuts = []
    for step in range(1, 61):
        _, _, terminals, truncations = environment.step(np.array([0], np.int32))
        assert not terminals.any()
        cuts += [step] * int(truncations[0])
    assert cuts == [30, 60]
    assert environment.finished() == [Episode(0, 0.0, 30, 30), Episode(0, 0.0, 30, 60)]


def go_on(environment, steps: int, seed: int) -> list:
    """Returns all that is seen in some random steps, and the episodes that ended."""
    generator = np.random.default_rng(seed)
    seen = []
    for _ in range(steps):
        actions = generator.integers(6, size=environment.num_envs).astype(np.int32)
        seen.append([each.tobytes() for each in environment.step(actions)])
    return [*seen, environment.finished()]


@pytest.mark.parametrize("num_envs", [1, 2])
@pytest.mark.parametrize("game", games.MINATAR)
def test_going_on_after_a_load_is_exact(game, num_envs, monkeypatch, tmp_path):
    # Seeded anew now and then: in Breakout, whose games are short, several times.
    monkeypatch.setattr(resumable, "RESEED_EVERY", 60)
    environment = MinAtarEnvironment(game, num_envs, seed=7)
    environment.reset()
    go_on(environment, 333, seed=0)
    environment.save(tmp_path, None)
    expected = go_on(environment, 200, seed=1)
    other = MinAtarEnvironment(game, num_envs, seed=99)  # the saved seed is the one that counts
    other.load(tmp_path)
    assert go_on(other, 200, seed=1) == expected


def test_an_action_that_is_none_is_refused():
    environment = MinAtarEnvironment("Breakout", seed=0)
    environment.reset()
    with pytest.raises(ValueError, match=r"action 6 is not in \[0, 6\)"):
        environment.step(np.array([6], np.int32))


def test_made_from_the_configuration():
    settings = config.preset("dqn", suite="minatar")
    settings = config.replace(settings, game="space-invaders", num_envs=3, max_episode_steps=9)
    environment = environments.create(settings, seed=2)
    assert isinstance(environment, MinAtarEnvironment)
    assert (environment.game, environment.num_envs) == ("SpaceInvaders", 3)
    assert environments.screen(settings) == environment.screen
    assert environments.canonical(settings).environment.game == "SpaceInvaders"
    assert environments.with_scores(settings, {"mean_return": 3.0}) == {"mean_return": 3.0}


def test_a_missing_package_is_one_line(monkeypatch):
    load = builtins.__import__

    def without(name, *arguments, **options):
        if name == "minatar":
            raise ImportError("No module named 'minatar'")
        return load(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError) as error:
        MinAtarEnvironment("Breakout", seed=0)
    assert str(error.value) == (
        "--suite=minatar needs the package minatar (No module named 'minatar'), an extra because its licence "
        "is the GPL, version 3: pip install 'tf-pruned-rl[minatar]'"
    )
