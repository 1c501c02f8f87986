"""The single game, against the emulator driven by hand."""

from __future__ import annotations

import struct
import subprocess
import sys

import ale_py
import cv2
import numpy as np
import pytest
import scipy.stats

from tf_pruned_rl import config as configuration
from tf_pruned_rl import environments
from tf_pruned_rl.environments import AtariEnvironment, games
from tf_pruned_rl.environments.resumable import emulator_seed
from tf_pruned_rl.errors import UserError


def reference(game: str, seed: int, actions: np.ndarray, *, sticky: float, skip: int = 4):
    """Plays one emulator by hand; returns frames (one more than actions), rewards, terminals."""
    ale = ale_py.ALEInterface()
    ale.setInt("random_seed", emulator_seed(seed, 0, 0))
    ale.setFloat("repeat_action_probability", sticky)
    ale.loadROM(games.rom_path(game))
    ale.reset_game()
    minimal = ale.getMinimalActionSet()
    frames, rewards, terminals = [_area(ale.getScreenGrayscale())], [], []
    for action in actions:
        screens, reward = [], 0
        for _ in range(skip):
            reward += ale.act(minimal[action])
            screens.append(ale.getScreenGrayscale().astype(int))
            if ale.game_over():
                break
        ended = ale.game_over()
        if ended:
            ale.reset_game()
            screens = [ale.getScreenGrayscale()]
        frames.append(_area(np.max(screens[-2:], axis=0)))
        rewards.append(reward)
        terminals.append(ended)
    return np.array(frames), np.array(rewards), np.array(terminals)


def _area(screen: np.ndarray) -> np.ndarray:
    return cv2.resize(screen.astype(np.uint8), (84, 84), interpolation=cv2.INTER_AREA)


def play(environment, actions: np.ndarray):
    """Steps through actions [T, N]; returns stacked frames, rewards, terminals, truncations."""
    return tuple(np.array(each) for each in zip(*[environment.step(a) for a in actions], strict=True))


def random_actions(environment, steps: int, seed: int = 0) -> np.ndarray:
    shape = (steps, environment.num_envs)
    return np.random.default_rng(seed).integers(environment.num_actions, size=shape).astype(np.int32)


@pytest.mark.parametrize(
    ("game", "sticky", "skip"),
    [("Pong", 0.25, 4), ("Breakout", 0.0, 4), ("AirRaid", 0.25, 4), ("Pong", 0.25, 1)],
)
def test_same_as_the_emulator_driven_by_hand(game, sticky, skip):
    environment = AtariEnvironment(game, seed=5, sticky_actions=sticky, frame_skip=skip)
    first = environment.reset()
    actions = random_actions(environment, 250)
    frames, rewards, terminals, truncations = play(environment, actions)
    expected_frames, expected_rewards, expected_terminals = reference(
        game, 5, actions[:, 0], sticky=sticky, skip=skip
    )
    assert first.shape == (1, 84, 84) and first.dtype == np.uint8
    np.testing.assert_array_equal(first[0], expected_frames[0])
    np.testing.assert_array_equal(frames[:, 0], expected_frames[1:])
    np.testing.assert_array_equal(rewards[:, 0], expected_rewards)
    np.testing.assert_array_equal(terminals[:, 0], expected_terminals)
    assert rewards.dtype == np.float32 and terminals.dtype == bool and not truncations.any()
    assert frames.std() > 0


def test_first_frame_after_an_end_belongs_to_the_next_episode():
    environment = AtariEnvironment("Breakout", seed=0)
    environment.reset()
    actions = random_actions(environment, 600)
    frames, _, terminals, _ = play(environment, actions)
    expected, _, _ = reference("Breakout", 0, actions[:, 0], sticky=0.25)
    assert terminals.sum() >= 2
    np.testing.assert_array_equal(frames[terminals], expected[1:][terminals[:, 0]])


def test_lost_lives_do_not_end_the_episode():
    environment = AtariEnvironment("Breakout", seed=0)
    environment.reset()
    fire = environment.action_meanings.index("FIRE")
    lives, terminals = [], []
    while not any(terminals):
        lives.append(environment._games[0]._ale.lives())
        terminals.append(environment.step(np.array([fire], np.int32))[2][0])
    assert set(lives) == {5, 4, 3, 2, 1}
    assert sum(terminals) == 1


def test_rewards_are_not_clipped_and_add_up_to_the_return():
    environment = AtariEnvironment("MsPacman", seed=1)
    environment.reset()
    rewards, episodes = [], []
    for action in random_actions(environment, 3_000):
        rewards.append(float(environment.step(action)[1][0]))
        episodes += environment.finished()
        if episodes:
            break
    (episode,) = episodes
    assert max(rewards) >= 10
    assert episode.episode_return == sum(rewards)
    assert episode.agent_steps == episode.end_agent_step == len(rewards)
    assert episode.env == 0
    assert environment.finished() == []


def test_truncation():
    environment = AtariEnvironment("Pong", seed=0, max_episode_steps=7)
    start = environment.reset()
    frames, _, terminals, truncations = play(environment, random_actions(environment, 21))
    assert np.flatnonzero(truncations[:, 0]).tolist() == [6, 13, 20]
    assert not terminals.any()
    np.testing.assert_array_equal(frames[6], start)  # Pong always begins with the same screen
    assert [episode.end_agent_step for episode in environment.finished()] == [7, 14, 21]


def test_an_end_at_the_limit_is_terminal_and_no_truncation():
    environment = AtariEnvironment("Breakout", seed=0)
    environment.reset()
    actions = random_actions(environment, 600)
    length = int(np.flatnonzero(play(environment, actions)[2][:, 0])[0]) + 1
    again = AtariEnvironment("Breakout", seed=0, max_episode_steps=length)
    again.reset()
    _, _, terminals, truncations = play(again, actions[:length])
    assert terminals[-1, 0] and not truncations.any()


def test_sticky_actions_repeat_per_emulator_frame():
    """Before a new action takes over, the old one goes on for k frames with probability p^k (1 - p).

    The emulator's saved state begins with the paddle's position, from which every frame of RIGHT takes
    23,000 and to which every frame of LEFT adds as much: the move over a step of four frames tells k.
    """
    environment = AtariEnvironment("Breakout", seed=3)
    environment.reset()
    right, left = (environment.action_meanings.index(name) for name in ("RIGHT", "LEFT"))
    position = centre = _paddle(environment)
    previous, late = None, []
    for _ in range(2_000):
        wanted = left if position < centre else right  # so the paddle's stops stay out of reach
        environment.step(np.array([wanted], np.int32))
        before, position = position, _paddle(environment)
        moved = (position - before) // 23_000 * (1 if wanted == left else -1)
        frames_late = (4 - moved) // 2
        if previous == wanted:
            assert frames_late == 0
        elif previous is not None:
            late.append(frames_late)
        previous = wanted if frames_late < 4 else previous
    share = np.bincount(late, minlength=5) / len(late)
    expected = np.array([0.75, 0.75 / 4, 0.75 / 16, 0.75 / 64, 1 / 256])
    assert len(late) > 700
    # Four standard deviations of each share.
    assert np.all(np.abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / len(late)))


def _paddle(environment: AtariEnvironment) -> int:
    return struct.unpack("<i", environment._games[0]._ale.cloneState().serialize()[:4])[0]


def test_seeds_decide_what_is_random():
    def frames(seed: int) -> bytes:
        environment = AtariEnvironment("Pong", seed=seed)
        environment.reset()
        return play(environment, random_actions(environment, 150))[0].tobytes()

    assert frames(0) == frames(0)
    assert frames(0) != frames(1)


def test_frames_already_returned_are_never_overwritten():
    environment = AtariEnvironment("Pong", seed=0)
    first = environment.reset()
    copy = first.copy()
    play(environment, random_actions(environment, 60))
    np.testing.assert_array_equal(first, copy)


def test_create_chooses_by_the_number_of_environments():
    config = configuration.replace(configuration.preset("dqn"), game="breakout", max_episode_steps=5)
    one = environments.create(config, seed=0)
    two = environments.create(configuration.replace(config, num_envs=2), seed=0)
    assert isinstance(one, environments.AtariEnvironment)
    assert isinstance(two, environments.VectorAtariEnvironment)
    for environment, count in ((one, 1), (two, 2)):
        assert environment.game == "Breakout"
        assert (environment.num_envs, environment.num_actions) == (count, 4)
        assert environment.reset().shape == (count, *environment.frame_shape)
        assert play(environment, random_actions(environment, 5))[3][-1].tolist() == [True] * count


def test_create_refuses_an_unknown_game():
    config = configuration.replace(configuration.preset("dqn"), game="Breakot")
    with pytest.raises(UserError, match="Breakout"):
        environments.create(config, seed=0)


def test_environments_do_not_load_tensorflow():
    program = "import sys, tf_pruned_rl.environments; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def life_by_life(seed: int, actions: np.ndarray):
    """Plays Breakout by hand; returns rewards, where a life is lost, where the game ends, frames."""
    ale = ale_py.ALEInterface()
    ale.setInt("random_seed", emulator_seed(seed, 0, 0))
    ale.setFloat("repeat_action_probability", 0.0)
    ale.loadROM(games.rom_path("Breakout"))
    ale.reset_game()
    minimal, lives, log = ale.getMinimalActionSet(), ale.lives(), []
    screens = [np.zeros_like(ale.getScreenGrayscale()), ale.getScreenGrayscale()]
    for action in actions:
        reward, lost = 0, False
        for frame in range(4):
            reward += ale.act(minimal[action])
            lost, lives = ale.lives() < lives, ale.lives()
            if frame >= 2:
                screens[3 - frame] = ale.getScreenGrayscale()
            if lost or ale.game_over():
                break
        log.append((reward, lost, ale.game_over(), _area(np.max([s.astype(int) for s in screens], axis=0))))
        if ale.game_over():
            break
    return tuple(np.array(each) for each in zip(*log, strict=True))


def test_a_lost_life_is_terminal_and_the_game_goes_on():
    environment = AtariEnvironment("Breakout", seed=0, sticky_actions=0.0, terminal_on_life_loss=True)
    environment.reset()
    rewards, lost, over, screens = life_by_life(0, random_actions(environment, 3_000)[:, 0])
    frames, found, terminals, truncations = play(environment, random_actions(environment, 3_000)[: len(over)])
    assert lost.sum() == 5 and over.sum() == 1 and over[-1]
    np.testing.assert_array_equal(terminals[:, 0], lost)
    np.testing.assert_array_equal(found[:, 0], rewards)
    np.testing.assert_array_equal(frames[:-1, 0], screens[:-1])  # after the last one a new game is seen
    assert not truncations.any()
    (episode,) = environment.finished()  # the whole game
    assert (episode.episode_return, episode.agent_steps) == (rewards.sum(), len(over))


def test_a_lost_life_at_the_limit_ends_the_episode():
    options = {"seed": 0, "sticky_actions": 0.0, "terminal_on_life_loss": True}
    environment = AtariEnvironment("Breakout", **options)
    environment.reset()
    actions = random_actions(environment, 600)
    length = int(np.flatnonzero(play(environment, actions)[2][:, 0])[0]) + 1
    again = AtariEnvironment("Breakout", max_episode_steps=length, **options)
    first = again.reset()
    frames, _, terminals, truncations = play(again, actions[:length])
    assert terminals[-1, 0] and not truncations.any()
    assert [episode.agent_steps for episode in again.finished()] == [length]
    np.testing.assert_array_equal(frames[-1], first)


def idle_steps(environment, episodes: int) -> list[int]:
    """Returns how many idle steps each episode begins with, by the emulator's own count of frames."""
    counts = []
    environment.reset()
    for _ in range(episodes):
        counts.append(environment._games[0]._ale.getEpisodeFrameNumber() // 4)
        environment.step(np.array([0], np.int32))  # the only step of an episode that is cut after one
    return counts


def test_games_start_with_idle_steps_that_count_nowhere():
    # Chi-square of 30 equally likely numbers; p above 0.001 for a fixed seed.
    environment = AtariEnvironment("Breakout", seed=1, max_episode_steps=1, max_noops=30)
    counts = np.bincount(idle_steps(environment, 300), minlength=30)
    assert len(counts) == 30 and counts.min() > 0
    assert scipy.stats.chisquare(counts).pvalue > 0.001
    assert {episode.agent_steps for episode in environment.finished()} == {1}
    assert set(idle_steps(AtariEnvironment("Breakout", seed=1, max_episode_steps=1), 5)) == {0}


def test_several_copies_are_each_what_one_is():
    rules = {"terminal_on_life_loss": True, "max_noops": 5, "max_episode_steps": 150}
    several = AtariEnvironment("Breakout", 2, seed=3, **rules)
    several.reset()
    actions = random_actions(several, 400)
    together = play(several, actions)
    alone = AtariEnvironment("Breakout", seed=3, **rules)  # the first copy has the seeds of one alone
    alone.reset()
    for first, one in zip(together, play(alone, actions[:, :1]), strict=True):
        np.testing.assert_array_equal(first[:, :1], one)
    assert not np.array_equal(together[0][:, 0], together[0][:, 1])


def test_create_passes_on_lost_lives_and_idle_steps():
    config = configuration.replace(configuration.preset("der"), game="Breakout", num_envs=2)
    environment = environments.create(config, seed=0)
    assert isinstance(environment, environments.AtariEnvironment)
    assert (environment.num_envs, environment.reset().shape) == (2, (2, 84, 84))
    plain = configuration.replace(config, terminal_on_life_loss=False, max_noops=0)
    assert isinstance(environments.create(plain, seed=0), environments.VectorAtariEnvironment)
