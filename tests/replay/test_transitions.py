"""The replay of vectors: every case worked out by hand, sizes, chances, state."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tf_pruned_rl import config, replay
from tf_pruned_rl.environments import BoxSpec
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.replay import TransitionReplay

T, C = "terminal", "cut"


def fill(buffer: TransitionReplay, story: list[tuple]) -> None:
    """Adds steps (observation, reward, end, arrived), one such tuple per stream; actions are -observation."""
    for streams in story:
        columns = list(zip(*streams, strict=True))
        seen, arrived = (tf.constant(columns[k], tf.float32)[:, None] for k in (0, 3))
        ends = np.array(columns[2], object)
        buffer.add(seen, -seen, tf.constant(columns[1], tf.float32), ends == T, ends == C, arrived)


def everything(buffer: TransitionReplay) -> dict[float, tuple[float, float, float, float]]:
    """Draws a large sample: {observation: (action, return, discount, next observation)}; all must agree."""
    batch = tf.function(buffer.sample)()
    found: dict[float, tuple] = {}
    for row in np.column_stack([np.asarray(x).reshape(buffer.batch_size, -1) for x in batch[:5]]).tolist():
        assert found.setdefault(row[0], tuple(row[1:])) == tuple(row[1:])
    return found


def small(length: int, **changes) -> TransitionReplay:
    return TransitionReplay(
        length, 1, 1, **({"batch_size": 2_000, "gamma": 0.5, "num_envs": 1, "n_step": 1} | changes)
    )


def test_one_stream_by_hand():
    buffer = small(20)
    # An episode that ends, one that is cut, and the beginning of a third.
    fill(
        buffer,
        [
            [(1, 10, "", 2)],
            [(2, 20, T, 3)],
            [(11, 30, "", 12)],
            [(12, 40, C, 13)],
            [(21, 50, "", 22)],
            [(22, 60, "", 23)],
        ],
    )
    found = everything(buffer)
    assert found.pop(2)[:3] == (-2, 20, 0)  # what comes after a terminal state does not matter
    assert found == {
        1: (-1, 10, 0.5, 2),
        11: (-11, 30, 0.5, 12),
        12: (-12, 40, 0.5, 13),  # cut, not ended: bootstraps from where it really got to
        21: (-21, 50, 0.5, 22),
        # 22 waits for the observation after it.
    }


def test_a_cut_last_step_can_be_drawn_at_once():
    buffer = small(20)
    fill(buffer, [[(1, 10, "", 2)], [(2, 20, C, 3)]])
    assert everything(buffer) == {1: (-1, 10, 0.5, 2), 2: (-2, 20, 0.5, 3)}


def test_several_streams_by_hand():
    buffer = small(40, num_envs=2)
    fill(
        buffer,
        [
            [(1, 10, "", 2), (101, 1, "", 102)],
            [(2, 20, C, 3), (102, 2, "", 103)],  # only the first is cut
            [(11, 30, "", 12), (103, 3, T, 104)],
            [(12, 40, C, 13), (111, 4, T, 112)],  # one is cut, the other ends
            [(21, 50, "", 22), (121, 5, "", 122)],
        ],
    )
    found = everything(buffer)
    assert found.pop(103)[:3] == (-103, 3, 0)
    assert found.pop(111)[:3] == (-111, 4, 0)
    assert found == {
        1: (-1, 10, 0.5, 2),
        2: (-2, 20, 0.5, 3),
        11: (-11, 30, 0.5, 12),
        12: (-12, 40, 0.5, 13),
        101: (-101, 1, 0.5, 102),
        102: (-102, 2, 0.5, 103),
    }


def test_three_steps_by_hand():
    buffer = small(30, n_step=3)
    fill(
        buffer,
        [
            [(1, 8, "", 2)],
            [(2, 16, "", 3)],
            [(3, 32, "", 4)],
            [(4, 64, T, 5)],
            [(11, 8, "", 12)],
            [(12, 16, "", 13)],
            [(13, 32, C, 14)],
            [(21, 8, "", 22)],
            [(22, 16, "", 23)],
            [(23, 32, "", 24)],
            [(24, 64, "", 25)],
        ],
    )
    found = everything(buffer)
    assert {o: (x[1], x[2]) for o, x in found.items()} == {
        1: (8 + 8 + 8, 0.125),
        2: (16 + 16 + 16, 0),
        3: (32 + 32, 0),
        4: (64, 0),
        11: (8 + 8 + 8, 0.125),
        12: (16 + 16, 0.25),  # the cut leaves two steps
        13: (32, 0.5),
        21: (8 + 8 + 8, 0.125),
    }
    assert {o: x[3] for o, x in found.items() if x[2]} == {1: 4, 11: 14, 12: 14, 13: 14, 21: 24}


@pytest.mark.parametrize("n_step", [1, 2])
def test_around_the_seam(n_step):
    buffer, story, late = small(8, n_step=n_step), [], {}
    for k in range(1, 31):
        story.append([(k, 2.0, C if k % 5 == 0 else "", k + 0.5 if k % 5 == 0 else k + 1)])
    fill(buffer, story)
    # Eight entries are left: 25, its arrival, 26 to 30, the arrival of 30.
    for k in (25, 26, 27, 28, 29, 30):
        after = k + 0.5 if k % 5 == 0 else k + 1
        late[k] = (-k, 2.0, 0.5, after)
    if n_step == 2:
        for k in (26, 27, 28):
            late[k] = (-k, 3.0, 0.25, k + 2)
        late[29] = (-29, 3.0, 0.25, 30.5)
        del late[30]  # the entry two later does not exist yet, though it would not be needed
    assert everything(buffer) == late


def test_every_transition_is_as_likely_as_any_other():
    buffer = small(60, num_envs=3, batch_size=100_000)
    story = [[(100 * e + k, 0.0, C if (k + e) % 7 == 0 else "", 0.5) for e in range(3)] for k in range(45)]
    fill(buffer, story)
    seen = tf.function(buffer.sample)().observations.numpy()[:, 0]
    values, counts = np.unique(seen, return_counts=True)
    assert len(values) > 30 and 0.5 not in values
    assert stats.chisquare(counts).pvalue > 0.001


def test_a_million_steps_of_walker2d_fit_in_250_megabytes():
    buffer = TransitionReplay(1_000_000, 17, 6)
    variables = [buffer.ring.storage, *buffer._small_variables().values()]
    assert sum(v.dtype.size * v.shape.num_elements() for v in variables) <= 250e6


def test_the_estimate_is_the_size_of_the_variables():
    experiment = config.replace(config.preset("sac"), env="Pendulum-v1", replay_capacity=1_000)
    buffer = replay.create(experiment, BoxSpec(3, (-2.0,), (2.0,)))
    variables = [buffer.ring.storage, *buffer._small_variables().values()]
    size = sum(v.dtype.size * v.shape.num_elements() for v in variables)
    assert replay.bytes_needed(experiment) == pytest.approx(size, abs=100)
    assert (buffer.batch_size, buffer.ring.n_step, buffer.ring.gamma) == (256, 1, 0.99)


@pytest.mark.parametrize("steps", [5, 30])
def test_state_is_exact(tmp_path, steps):
    story = [
        [(k, k / 7, C if k % 9 == 0 else "", k + 0.5), (-k, 1.0, T if k % 4 == 0 else "", 1)]
        for k in range(1, 2 * steps)
    ]
    one, two = small(40, num_envs=2, seed=4), small(40, num_envs=2, seed=5)
    fill(one, story[:steps])
    one.sample()
    one.save(tmp_path / "state")
    two.load(tmp_path / "state")
    for buffer in (one, two):
        fill(buffer, story[steps:])
    for ours, theirs in zip(one.sample(), two.sample(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_segments_are_linked_from_the_checkpoint_before(tmp_path, monkeypatch):
    monkeypatch.setattr(replay.buffer.segments, "SEGMENT_FRAMES", 10)
    buffer = small(100)
    fill(buffer, [[(k, 0.0, "", 0)] for k in range(25)])
    buffer.save(tmp_path / "1", None)
    fill(buffer, [[(k, 0.0, "", 0)] for k in range(25, 37)])
    buffer.save(tmp_path / "2", tmp_path / "1")
    shared = [path.name for path in (tmp_path / "2").glob("frames-*") if path.stat().st_nlink == 2]
    assert len(shared) == 2
    other = small(100)
    other.load(tmp_path / "2")
    np.testing.assert_array_equal(other.ring.entries[:37], buffer.ring.entries[:37])


def test_an_empty_replay_says_so():
    with pytest.raises(tf.errors.InvalidArgumentError, match="no transition"):
        small(20).sample()


def test_a_capacity_too_small_is_refused():
    with pytest.raises(UserError, match="use at least 6"):
        small(5, num_envs=2)
