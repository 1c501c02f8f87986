"""Playing: the stacks, which episodes count, the random actions."""

from __future__ import annotations

import numpy as np
import pytest

from tf_pruned_rl.environments import Episode
from tf_pruned_rl.policies import episodes
from tf_pruned_rl.policies.episodes import EpisodeResults, EpsilonGreedy, push

ACTIONS = 3


class Scripted:
    """Environments whose episodes have given lengths; every frame says when it was seen.

    The reward of a step is 1 for action 2, so an episode's return counts those.
    """

    def __init__(self, lengths: list[list[int]], frame_shape=(2, 2)):
        self.num_envs, self.num_actions, self.frame_shape = len(lengths), ACTIONS, frame_shape
        self.game, self.action_meanings = "Pong", ("NOOP", "FIRE", "RIGHT")
        self._lengths = lengths
        self.actions: list[np.ndarray] = []

    def reset(self) -> np.ndarray:
        self._left = [list(lengths) for lengths in self._lengths]
        self._step = np.zeros(self.num_envs, int)
        self._return = np.zeros(self.num_envs)
        self._clock = np.zeros(self.num_envs, int)
        self._finished = [Episode(0, 99.0, 99, 99)]  # of an earlier use: must not be counted
        return self._frames()

    def _frames(self) -> np.ndarray:
        self._clock += 1
        values = 10 * np.arange(1, self.num_envs + 1) + self._clock
        return np.broadcast_to(values[:, None, None], (self.num_envs, *self.frame_shape)).astype(np.uint8)

    def step(self, actions):
        assert actions.shape == (self.num_envs,) and actions.dtype == np.int32
        self.actions.append(actions)
        rewards = (actions == 2).astype(np.float32)
        self._step += 1
        self._return += rewards
        ended = np.array([self._step[i] == self._left[i][0] for i in range(self.num_envs)])
        for i in np.flatnonzero(ended):
            self._left[i].append(self._left[i].pop(0))
            self._finished.append(Episode(int(i), float(self._return[i]), int(self._step[i]), 0))
            self._step[i], self._return[i] = 0, 0.0
        # The first environment's episodes end in terminal states, the others' are cut.
        first = np.arange(self.num_envs) == 0
        return self._frames(), rewards, ended & first, ended & ~first

    def finished(self):
        finished, self._finished = self._finished, []
        return finished


def constant(action: int):
    """Returns Q-values that are greatest for ``action``."""
    return lambda stacks: np.tile(np.eye(ACTIONS, dtype=np.float32)[action], (len(stacks), 1))


def play(q_values, environment, *, epsilon: float, seed: int, **how) -> EpisodeResults:
    player = EpsilonGreedy(
        q_values, observation_shape=(2, 2, 4), num_envs=environment.num_envs, epsilon=epsilon, seed=seed
    )
    return episodes.play(player, environment, **how)


def test_observations_are_stacked_newest_last_and_start_with_zeros():
    seen = []

    def spy(stacks):
        seen.append(stacks)
        return constant(0)(stacks)

    play(spy, Scripted([[3], [9]]), epsilon=0.0, seed=0, episodes=2)
    # Environment 0 shows 11, 12, 13 in its first episode, 14, 15, 16 in its second.
    assert [list(stack[0, 1, 1]) for stack in seen[:6]] == [
        [0, 0, 0, 11],
        [0, 0, 11, 12],
        [0, 11, 12, 13],
        [0, 0, 0, 14],
        [0, 0, 14, 15],
        [0, 14, 15, 16],
    ]
    assert [list(stack[1, 0, 1]) for stack in seen[:5]] == [
        [0, 0, 0, 21],
        [0, 0, 21, 22],
        [0, 21, 22, 23],
        [21, 22, 23, 24],
        [22, 23, 24, 25],
    ]
    assert len(seen) == 9, "it stops with the last episode that counts"


def test_push_is_batched_and_takes_frames_of_several_channels():
    stacks = np.arange(8, dtype=np.uint8).reshape(2, 1, 1, 4)
    pushed = push(stacks, np.array([[[50]], [[60]]], np.uint8), np.array([False, True]))
    assert pushed[:, 0, 0].tolist() == [[1, 2, 3, 50], [0, 0, 0, 60]] and pushed.dtype == np.uint8
    frames = np.arange(2 * 3, dtype=np.uint8).reshape(2, 1, 1, 3) + 100
    pushed = push(np.arange(12, dtype=np.uint8).reshape(2, 1, 1, 6), frames, np.array([False, True]))
    assert pushed[:, 0, 0].tolist() == [[3, 4, 5, 100, 101, 102], [0, 0, 0, 103, 104, 105]]
    pushed = push(stacks, np.full((2, 1, 1, 4), 7, np.uint8), np.array([False, False]))
    assert pushed[:, 0, 0].tolist() == [[7, 7, 7, 7]] * 2, "a stack of one frame"


@pytest.mark.parametrize(
    ("lengths", "budget", "expected"),
    [
        # One environment: whole episodes until the budget is reached, as Dopamine's runner.
        ([[4, 6, 5]], {"agent_steps": 10}, [4, 6]),
        ([[4, 6, 5]], {"agent_steps": 11}, [4, 6, 5]),
        ([[4, 6, 5]], {"episodes": 3}, [4, 6, 5]),
        # Two: three begin (0, 1 and the successor of the short one); the long one is waited for.
        ([[2], [7]], {"episodes": 3}, [2, 2, 7]),
        # Begun at steps 0, 0, 2, 4 of 2 environments with 0, 0, 4, 8 agent steps played; not at 12.
        ([[2], [7]], {"agent_steps": 9}, [2, 2, 2, 7]),
        ([[3], [5]], {"episodes": 1}, [3]),
    ],
)
def test_which_episodes_count(lengths, budget, expected):
    reported = []
    played = play(constant(2), Scripted(lengths), epsilon=0.0, seed=0, report=reported.append, **budget)
    assert played.lengths == tuple(expected)
    assert played.returns == tuple(map(float, expected))  # action 2 at every step
    assert played.agent_steps == sum(expected)
    assert [episode.agent_steps for episode in reported] == expected


def test_a_lost_life_that_is_terminal_empties_the_stack_and_ends_no_episode():
    class Lives(Scripted):
        """A life is lost at every second step."""

        def step(self, actions):
            frames, rewards, terminals, truncations = super().step(actions)
            return frames, rewards, terminals | (self._step % 2 == 0), truncations

    seen = []

    def spy(stacks):
        seen.append(stacks[0, 0, 0].tolist())
        return constant(2)(stacks)

    played = play(spy, Lives([[5, 4]]), epsilon=0.0, seed=0, episodes=2)
    assert played.lengths == (5, 4) and played.returns == (5.0, 4.0)
    assert seen[:6] == [
        [0, 0, 0, 11],
        [0, 0, 11, 12],
        [0, 0, 0, 13],
        [0, 0, 13, 14],
        [0, 0, 0, 15],
        [0, 0, 0, 16],
    ]


def test_random_actions_are_uniform_as_frequent_as_epsilon_and_repeatable():
    def actions(seed: int, epsilon: float) -> np.ndarray:
        environment = Scripted([[200]] * 16)
        play(constant(1), environment, epsilon=epsilon, seed=seed, episodes=16)
        return np.array(environment.actions)

    first = actions(5, 0.3)
    assert first.shape == (200, 16)
    # Each other action has probability 0.1: 320 of 3200, standard deviation 17; 5 of those are allowed.
    counts = np.bincount(first.ravel(), minlength=ACTIONS)
    assert abs(counts[0] - 320) < 85 and abs(counts[2] - 320) < 85
    np.testing.assert_array_equal(first, actions(5, 0.3))
    assert (first != actions(6, 0.3)).any()
    assert (actions(5, 0.0) == 1).all()
    assert not (first[:, 0] == first[:, 1]).all(), "the environments explore apart"


def test_asks_for_exactly_one_budget():
    with pytest.raises(ValueError, match="either"):
        play(constant(0), Scripted([[1]]), epsilon=0.0, seed=0)
    with pytest.raises(ValueError, match="either"):
        play(constant(0), Scripted([[1]]), epsilon=0.0, seed=0, episodes=1, agent_steps=1)
    with pytest.raises(ValueError, match="positive"):
        play(constant(0), Scripted([[1]]), epsilon=0.0, seed=0, episodes=0)


def test_watches_the_first_frame_and_every_step():
    seen = []
    environment = Scripted([[3, 4]])
    play(
        constant(2),
        environment,
        epsilon=0.0,
        seed=0,
        episodes=2,
        watch=lambda: seen.append(environment._step[0]),
    )
    assert seen == [0, 1, 2, 0, 1, 2, 3, 0]
