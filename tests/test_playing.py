"""Playing: the stacks, which episodes count, the random actions, and the loading of a policy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import config, networks
from tf_pruned_rl.environments import Episode, Screen
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.exporting.policy_json import TrainingFacts
from tf_pruned_rl.exporting.saved_model import export_policy
from tf_pruned_rl.playing import load_policy, play, push

ACTIONS = 3


class Scripted:
    """Environments whose episodes have given lengths; every frame says when it was seen.

    The reward of a step is 1 for action 2, so an episode's return counts those.
    """

    def __init__(self, lengths: list[list[int]], frame_shape=(2, 2)):
        self.num_envs, self.num_actions, self.screen = len(lengths), ACTIONS, Screen(frame_shape)
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
        shape = (self.num_envs, *self.screen.frame_shape)
        return np.broadcast_to(values[:, None, None], shape).astype(np.uint8)

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
    return lambda stack: tf.tile(tf.one_hot([action], ACTIONS), [tf.shape(stack)[0], 1])


def test_observations_are_stacked_newest_last_and_start_with_zeros():
    seen = []

    def spy(stack):
        return tf.ensure_shape(
            tf.numpy_function(
                lambda s: seen.append(s.copy()) or np.zeros((2, ACTIONS), np.float32), [stack], tf.float32
            ),
            (2, ACTIONS),
        )

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


def test_push_is_batched():
    stack = tf.constant(np.arange(8, dtype=np.uint8).reshape(2, 1, 1, 4))
    pushed = push(stack, tf.constant([[[50]], [[60]]], tf.uint8), tf.constant([False, True]))
    np.testing.assert_array_equal(pushed[:, 0, 0], [[1, 2, 3, 50], [0, 0, 0, 60]])


def test_push_keeps_channels_together_and_stacks_nothing_where_one_frame_is_all():
    frames = np.arange(2 * 3, dtype=np.uint8).reshape(2, 1, 1, 3) + 100
    both = tf.constant([False, True])
    alone = push(tf.zeros((2, 1, 1, 3), tf.uint8), tf.constant(frames), both)
    np.testing.assert_array_equal(alone, frames)
    stack = tf.constant(np.arange(12, dtype=np.uint8).reshape(2, 1, 1, 6))
    pushed = push(stack, tf.constant(frames), both)
    np.testing.assert_array_equal(pushed[:, 0, 0], [[3, 4, 5, 100, 101, 102], [0, 0, 0, 103, 104, 105]])


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

    def spy(stack):
        tf.numpy_function(
            lambda given: seen.append(given[0, 0, 0].tolist()) or np.float32(0), [stack], tf.float32
        )
        return constant(2)(stack)

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


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    experiment = config.replace(config.ExperimentConfig(), network="nature", width=0.25, game="Pong")
    directory = tmp_path_factory.mktemp("exported") / "policy"
    export_policy(
        networks.build(experiment.network, num_actions=ACTIONS),
        directory,
        config=experiment,
        action_meanings=("NOOP", "FIRE", "RIGHT"),
        layers=[{"layer": "all", "shape": (10,), "parameters": 10, "nonzero": 1}],
        target_sparsity=0.9,
        training=TrainingFacts(0, 0, 0),
    )
    return directory


@pytest.fixture
def policy_dir(exported, tmp_path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "policy"))


def test_a_loaded_policy_plays(policy_dir):
    policy = load_policy(policy_dir)
    assert (policy.game, policy.action_meanings) == ("Pong", ("NOOP", "FIRE", "RIGHT"))
    played = play(policy.q_values, Scripted([[5], [4]], (84, 84)), epsilon=0.0, seed=0, episodes=2)
    assert played.lengths == (4, 5)


def edit(directory: Path, **changes) -> None:
    path = directory / "policy.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def other_signature(directory: Path) -> None:
    """Puts a SavedModel of another interface there, with the right checksums."""
    module = tf.Module()
    module.f = tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    tf.saved_model.save(module, str(directory), signatures=module.f)
    edit(directory, files={})


DAMAGES = {
    "no directory": (shutil.rmtree, "no policy at"),
    "no policy.json": (lambda d: (d / "policy.json").unlink(), "no exported policy"),
    "cut policy.json": (lambda d: (d / "policy.json").write_text('{"format_version": 1, "ag'), "is damaged"),
    "a list": (lambda d: (d / "policy.json").write_text("[]"), "an object was expected"),
    "wrong type": (lambda d: edit(d, action_meanings=3), "action_meanings is missing or malformed"),
    "no actions": (lambda d: edit(d, action_meanings=[]), "num_actions"),
    "no protocol": (lambda d: edit(d, preprocessing={}), "frame_skip is missing"),
    "later format": (lambda d: edit(d, format_version=2), "this version reads 1"),
    "missing file": (lambda d: (d / "saved_model.pb").unlink(), "saved_model.pb is missing"),
    "cut file": (lambda d: (d / "saved_model.pb").write_bytes(b"\0"), "checksum differs"),
    "no saved model": (lambda d: (edit(d, files={}), (d / "saved_model.pb").unlink()), "cannot be loaded"),
    "other signature": (other_signature, "policy.json says"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_policy_is_refused_in_one_line(policy_dir, damage):
    make, message = DAMAGES[damage]
    make(policy_dir)
    with pytest.raises(UserError, match=message) as caught:
        load_policy(policy_dir)
    assert "\n" not in str(caught.value)


def test_a_run_directory_is_pointed_to_its_policy(policy_dir):
    with pytest.raises(UserError, match="did you mean .*policy"):
        load_policy(policy_dir.parent)


def test_a_changed_byte_of_the_weights_is_found(policy_dir):
    path = policy_dir / "variables" / "variables.data-00000-of-00001"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="checksum differs"):
        load_policy(policy_dir)
