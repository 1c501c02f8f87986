"""Stacks, returns and discounts against a worked example and a plain-Python reference."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl.environments import Screen
from tf_pruned_rl.replay import FrameReplay

GAMMA = 0.5
# Twelve frames, numbered 1 to 12: an episode of five that terminates, one of four that is
# truncated, and the beginning of a third.
REWARDS = [1, 0, 2, 0, 1, 0, 1, 0, 2, 1, 0, 1]
TERMINAL, TRUNCATED = 4, 8

# Worked out by hand: frame acted on -> (stack, return, discount, stack n steps later or None).
ONE_STEP = {
    1: ([0, 0, 0, 1], 1.0, 0.5, [0, 0, 1, 2]),
    2: ([0, 0, 1, 2], 0.0, 0.5, [0, 1, 2, 3]),
    3: ([0, 1, 2, 3], 2.0, 0.5, [1, 2, 3, 4]),
    4: ([1, 2, 3, 4], 0.0, 0.5, [2, 3, 4, 5]),
    5: ([2, 3, 4, 5], 1.0, 0.0, None),
    6: ([0, 0, 0, 6], 0.0, 0.5, [0, 0, 6, 7]),
    7: ([0, 0, 6, 7], 1.0, 0.5, [0, 6, 7, 8]),
    8: ([0, 6, 7, 8], 0.0, 0.5, [6, 7, 8, 9]),
    10: ([0, 0, 0, 10], 1.0, 0.5, [0, 0, 10, 11]),
    11: ([0, 0, 10, 11], 0.0, 0.5, [0, 10, 11, 12]),
}
THREE_STEPS = {
    1: ([0, 0, 0, 1], 1.5, 0.125, [1, 2, 3, 4]),
    2: ([0, 0, 1, 2], 1.0, 0.125, [2, 3, 4, 5]),
    3: ([0, 1, 2, 3], 2.25, 0.0, None),
    4: ([1, 2, 3, 4], 0.5, 0.0, None),
    5: ([2, 3, 4, 5], 1.0, 0.0, None),
    6: ([0, 0, 0, 6], 0.5, 0.125, [6, 7, 8, 9]),
}
TABLES = {1: ONE_STEP, 3: THREE_STEPS}


def _add(replay: FrameReplay, frames, rewards, terminals, truncations) -> None:
    """Adds one step; the action is the frame's number modulo 18."""
    frames = np.asarray(frames)
    replay.add(
        tf.constant(np.broadcast_to(frames[:, None, None], (len(frames), 2, 3)).astype(np.uint8)),
        tf.constant(frames % 18, tf.int32),
        tf.constant(rewards, tf.float32),
        tf.constant(terminals, tf.bool),
        tf.constant(truncations, tf.bool),
    )


def _script(step: int, first: int, offset: int) -> tuple[int, float, bool, bool]:
    """Returns frame, reward and ends of a stream whose twelve frames begin at step `first`.

    Around them lie frames numbered 99, in episodes that never touch the twelve.
    """
    k = step - first
    if 0 <= k < len(REWARDS):
        return offset + k + 1, REWARDS[k], k == TERMINAL, k == TRUNCATED
    return 99, -1.0, False, k == -1


def _check(batch, table: dict, offset: int) -> set[int]:
    """Checks every sample of one stream's twelve frames against the table; returns those seen."""
    seen = set()
    for i, (observation, following) in enumerate(
        zip(batch.observations.numpy(), batch.next_observations.numpy(), strict=True)
    ):
        assert (observation == observation[0, 0]).all(), "frames are mixed up among pixels"
        number = int(observation[0, 0, -1]) - offset
        if not 1 <= number <= len(REWARDS):
            continue
        assert number in table, f"frame {number} is not a transition"
        stack, value, discount, later = table[number]
        shift = lambda frames: [frame + offset * (frame > 0) for frame in frames]  # noqa: E731
        assert observation[0, 0].tolist() == shift(stack)
        assert batch.actions[i] == (number + offset) % 18
        assert batch.returns[i] == value
        assert batch.discounts[i] == discount
        if later is not None:
            assert following[0, 0].tolist() == shift(later)
        seen.add(number)
    return seen


@pytest.mark.parametrize("sampling", ["uniform", "prioritized"])
@pytest.mark.parametrize("n_step", [1, 3])
@pytest.mark.parametrize("before", [0, 9, 14, 17, 40])
def test_worked_example_wherever_the_seam_lies(sampling: str, n_step: int, before: int) -> None:
    replay = FrameReplay(
        20, batch_size=256, n_step=n_step, gamma=GAMMA, sampling=sampling, screen=Screen((2, 3)), seed=before
    )
    for step in range(before + len(REWARDS)):
        _add(replay, *([x] for x in _script(step, before, 0)))
    assert _check(replay.sample(), TABLES[n_step], 0) == set(TABLES[n_step])


@pytest.mark.parametrize("sampling", ["uniform", "prioritized"])
@pytest.mark.parametrize("n_step", [1, 3])
def test_streams_are_kept_apart(sampling: str, n_step: int) -> None:
    replay = FrameReplay(
        40, num_envs=2, batch_size=512, n_step=n_step, gamma=GAMMA, sampling=sampling, screen=Screen((2, 3))
    )
    for step in range(24):
        _add(replay, *zip(_script(step, 12, 0), _script(step, 15, 100), strict=True))
    batch = replay.sample()
    for offset, first in ((0, 12), (100, 15)):
        # The second stream is not through its twelve frames: only steps up to 23 - n have a successor.
        expected = {frame for frame in TABLES[n_step] if first + frame - 1 <= 23 - n_step}
        assert _check(batch, TABLES[n_step], offset) == expected


def test_only_entries_with_their_whole_stack_are_drawn() -> None:
    for sampling in ("uniform", "prioritized"):
        replay = FrameReplay(10, batch_size=256, sampling=sampling, screen=Screen((2, 3)))
        for step in range(30):
            _add(replay, [step + 1], [0.0], [False], [False])
        stacks = replay.sample().observations.numpy()[:, 0, 0]
        # Steps 20 to 29 are stored: 23 is the first with three before it, 28 the last with a successor.
        assert sorted(set(stacks[:, -1].tolist())) == [24, 25, 26, 27, 28, 29]
        assert (np.diff(stacks.astype(int), axis=1) == 1).all()


@pytest.mark.parametrize("stack", [1, 2])
def test_channels_of_a_frame_stay_together(stack: int) -> None:
    replay = FrameReplay(12, batch_size=64, screen=Screen((2, 3, 5), stack=stack))
    shown = np.random.default_rng(0).integers(0, 2, (30, 1, 2, 3, 5)).astype(np.uint8)
    for number, frame in enumerate(shown):
        replay.add(tf.constant(frame), [number], [0.0], [False], [False])
    batch = replay.sample()
    assert batch.observations.shape == (64, 2, 3, 5 * stack)
    for k, number in enumerate(batch.actions.numpy()):
        seen = [shown[number + back, 0] for back in range(1 - stack, 2)]
        np.testing.assert_array_equal(batch.observations[k], np.concatenate(seen[:-1], axis=-1))
        np.testing.assert_array_equal(batch.next_observations[k], np.concatenate(seen[1:], axis=-1))
    # Entries 18 to 29 are stored; the first of them has no whole stack if that takes two.
    assert set(batch.actions.numpy()) == set(range(17 + stack, 29))


def _reference(history: list, step: int, env: int, n_step: int, gamma: float) -> tuple[float, float] | None:
    """Returns the return and discount of an entry, in float64; None if a truncation cuts it."""
    total = 0.0
    for k in range(n_step):
        _, rewards, terminals, truncations = history[step + k]
        total += gamma**k * rewards[env]
        if terminals[env]:
            return total, 0.0
        if truncations[env]:
            return None
    return total, gamma**n_step


@pytest.mark.parametrize("n_step", [1, 2, 3, 5])
def test_random_streams_equal_a_reference(n_step: int) -> None:
    """Both samplers' ideas of what can be drawn, and all values, at every step (relative 1e-6)."""
    random = np.random.default_rng(n_step)
    length, envs, gamma = 23, 2, 0.9
    screen = Screen((2, 3))
    replay = FrameReplay(
        length * envs, num_envs=envs, n_step=n_step, gamma=gamma, sampling="prioritized", screen=screen
    )
    add = tf.function(replay.add, autograph=False)
    ring, history = replay.ring, []
    for now in range(80):
        entry = (
            random.integers(0, 256, envs),
            random.normal(size=envs),
            random.random(envs) < 0.15,
            random.random(envs) < 0.1,
        )
        history.append(entry)
        frames = np.broadcast_to(entry[0][:, None, None], (envs, 2, 3)).astype(np.uint8)
        add(
            tf.constant(frames),
            tf.zeros([envs], tf.int32),
            *(tf.constant(x, t) for x, t in zip(entry[1:], (tf.float32, tf.bool, tf.bool), strict=True)),
        )
        first, end = max(0, now + 1 - length + 3), now + 1 - n_step
        usable = {}
        for env in range(envs):
            for step in range(first, end):
                if (expected := _reference(history, step, env, n_step, gamma)) is not None:
                    usable[env * length + step % length] = expected
        leaves = replay.sampler.tree.levels[0].numpy().ravel()
        assert set(np.flatnonzero(leaves)) == set(usable)
        bounds = [int(x) for x in ring.bounds()]
        assert bounds == [first, end]
        if usable:
            rows = tf.constant(list(usable), tf.int64)
            assert not ring.is_cut(rows).numpy().any()
            window = ring.window(rows)
            expected = np.array(list(usable.values()))
            np.testing.assert_allclose(window.returns, expected[:, 0], rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(window.discounts, expected[:, 1], rtol=1e-6)
