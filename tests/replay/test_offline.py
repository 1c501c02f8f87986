"""The offline replay against Dopamine's rules applied one entry at a time, and its exact resumption."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import config, replay
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.replay import dataset, offline
from tf_pruned_rl.replay.frames import TERMINAL, TRUNCATION

GAMMA = 0.97


def make(data, *, n_step: int = 1, capacity: int = 10_000, **changes) -> offline.OfflineReplay:
    named = {"data": str(data.root), "game": "Breakout", "data_fraction": 0.5, "n_step": n_step}
    named |= {"gamma": GAMMA, "replay_capacity": capacity, "batch_size": 8} | changes
    return replay.create(config.replace(config.preset("cql", "quick"), **named))


def is_empty(arrays, i: int) -> bool:
    return not (arrays["observation"][i].any() or arrays["action"][i] or arrays["reward"][i])


def naive(arrays, first: int, end: int, n_step: int) -> dict[int, tuple]:
    """Every transition that starts in [first, end): {entry: (stack, action, return, discount, next)}."""
    found = {}
    for i in range(first + 3, end - 1):
        before = arrays["terminal"][i - 3 : i]
        if before.any() or is_empty(arrays, i):
            continue
        total, discount, follows = 0.0, GAMMA**n_step, None
        for k in range(n_step):
            total += GAMMA**k * float(arrays["reward"][i + k])
            if arrays["terminal"][i + k]:
                discount = 0.0
                break
            if i + k + 1 >= end or is_empty(arrays, i + k + 1):  # cut by the stretch or the time limit
                break
        else:
            follows = arrays["observation"][i + n_step - 3 : i + n_step + 1]
        if discount and follows is None or i + k >= end - 1:
            continue
        stack = arrays["observation"][i - 3 : i + 1]
        found[i] = (stack, int(arrays["action"][i]), total, discount, follows)
    return found


@pytest.mark.parametrize("n_step", [1, 3])
@pytest.mark.parametrize("fraction", [0.5, 1.0])
def test_every_transition_is_the_one_in_the_files(logged, n_step, fraction):
    made = make(logged, n_step=n_step, data_fraction=fraction)
    made.refill(0)
    assert made.refill_every == 0 and int(made.ring.written) == made.sample_of_data.entries
    checked = 0
    for place in (made._order[index] for index in range(made._order.count)):
        if place.offset:
            continue
        stretch = place.stretch
        arrays = logged.arrays[stretch.number]
        expected = naive(arrays, stretch.first, stretch.first + stretch.entries, n_step)
        rows = tf.range(place.step, place.step + stretch.entries, dtype=tf.int64)
        whole = min(stretch.entries, int(made.ring.written) - n_step - place.step)  # has its window
        usable = ~made.ring.is_cut(rows[:whole]).numpy()
        indices = np.flatnonzero(usable) + stretch.first
        assert set(indices) == {i for i in expected if i < stretch.first + whole}
        batch = made.batch(tf.gather(rows, indices - stretch.first), tf.ones(len(indices)))
        for row, i in enumerate(indices):
            stack, action, total, discount, follows = expected[i]
            np.testing.assert_array_equal(np.moveaxis(batch.observations[row], -1, 0), stack)
            assert int(batch.actions[row]) == action
            assert float(batch.returns[row]) == pytest.approx(total, rel=1e-6)
            assert float(batch.discounts[row]) == pytest.approx(discount, rel=1e-6)
            if follows is not None:
                np.testing.assert_array_equal(np.moveaxis(batch.next_observations[row], -1, 0), follows)
            checked += 1
    assert checked > 0.7 * made.sample_of_data.entries


def test_draws_are_uniform_over_what_can_be_sampled(logged):
    made = make(logged)
    made.refill(0)
    every = tf.range(int(made.ring.written), dtype=tf.int64)
    usable = set(np.flatnonzero(~made.ring.is_cut(every).numpy())) - {0, 1, 2, int(made.ring.written) - 1}
    rows = np.concatenate([made.sample().indices.numpy() for _ in range(500)])
    counts = np.bincount(rows, minlength=len(every))
    assert set(np.flatnonzero(counts)) == usable
    expected = len(rows) / len(usable)
    chi = ((counts[sorted(usable)] - expected) ** 2 / expected).sum()
    assert abs(chi - len(usable)) < 4 * np.sqrt(2 * len(usable))  # mean and standard deviation of chi-square


def test_ends_by_hand():
    #              first three | real | terminal, padding | real, cut, padding | two dark | real | last
    terminal = np.array([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], bool)
    nothing = np.array([1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 0, 0], bool)
    T, C = TERMINAL, TRUNCATION
    expected = [C, C, C, 0, T, C, C, C, 0, C, C, C, C, 0, 0, 0, 0, T]
    np.testing.assert_array_equal(offline.ends(terminal, nothing), expected)


@pytest.mark.parametrize("empty", [1, 2])
def test_a_cut_is_seen_where_the_stretch_ends_within_its_empty_entries(empty):
    """Eight entries and the first of the three empty ones: nothing is sampled across the cut."""
    nothing = np.array([0] * 8 + [1] * empty, bool)
    cut = offline.ends(np.zeros(8 + empty, bool), nothing)
    np.testing.assert_array_equal(cut, [TRUNCATION] * 3 + [0] * 4 + [TRUNCATION] * (1 + empty))


def test_pieces_do_not_change_what_is_read(logged):
    stretch = dataset.Stretch(0, 17, 311)

    def whole(piece: int) -> list[np.ndarray]:
        parts = list(zip(*offline.read_stretch(str(logged.logs), stretch, piece), strict=True))
        return [np.concatenate(part) for part in parts]

    once = whole(1_000)
    for piece in (3, 7, 64, 310, 311):
        for found, expected in zip(whole(piece), once, strict=True):
            np.testing.assert_array_equal(found, expected)


def contents(made: offline.OfflineReplay) -> list[np.ndarray]:
    rows = range(min(int(made.ring.written), made.ring.length))
    ring = made.ring
    return [ring.frames.numpy()[rows], ring.records.numpy()[rows], ring.written.numpy()]


@pytest.mark.parametrize("n_step", [1, 3])
def test_a_sample_larger_than_memory_is_taken_in_little_by_little(logged, n_step):
    made = make(logged, capacity=200, reload_every=100, n_step=n_step)
    assert made.sample_of_data.entries == 600 and made.ring.length == 200
    # Pieces of 50, four in memory: one every 25 steps.
    assert made.refill_every == 25
    made.refill(0)
    seen, before = set(), int(made.ring.written)
    assert 200 <= before <= 250
    for step in range(0, 1_000, 5):
        made.refill(step)
        if step % 25 == 0 and step:
            assert 0 < int(made.ring.written) - before <= 50
        else:
            assert int(made.ring.written) == before
        before = int(made.ring.written)
        seen |= {frame.tobytes() for frame in contents(made)[0]}
        assert made.sample().observations.shape == (8, 84, 84, 4)
    files = [array for stretch in made.sample_of_data.stretches for array in _frames(logged, stretch)]
    assert seen == {frame.tobytes() for frame in files}
    made.close()


def _frames(logged, stretch) -> np.ndarray:
    return logged.arrays[stretch.number]["observation"][stretch.first : stretch.first + stretch.entries]


@pytest.mark.parametrize(("capacity", "saved"), [(200, 0), (333, 275), (10_000, 80)])
def test_a_loaded_replay_goes_on_as_the_first_would_have(logged, tmp_path, capacity, saved):
    def run(made: offline.OfflineReplay, steps: range) -> list[np.ndarray]:
        drawn = []
        for step in steps:
            made.refill(step)
            drawn.append(made.sample().observations.numpy())
        return drawn

    first = make(logged, capacity=capacity, reload_every=120)
    run(first, range(saved))
    first.save(tmp_path, None)
    second = make(logged, capacity=capacity, reload_every=120)
    second.load(tmp_path)
    np.testing.assert_array_equal(run(second, range(saved, saved + 70)), run(first, range(saved, saved + 70)))
    for found, expected in zip(contents(second), contents(first), strict=True):
        np.testing.assert_array_equal(found, expected)
    for made in (first, second):
        made.close()


def test_damage_met_while_reading_ahead_is_told_where_the_piece_is_missed(make_logged):
    data = make_logged(2)
    made = make(data)
    path = data.logs / "$store$_observation_ckpt.1.gz"
    path.write_bytes(path.read_bytes()[:5_000])
    with pytest.raises(UserError, match="observation_ckpt.1.gz is damaged"):
        made.refill(0)
    made.close()


def test_five_percent_of_a_game_take_less_than_20_gigabytes(monkeypatch):
    buffers = tuple(dataset.Buffer(number, 999_999, 0) for number in range(50))
    stretches = tuple(dataset._stretch(config.preset("cql"), buffer) for buffer in buffers)
    sample = dataset.Sample("", buffers, stretches)
    assert sample.entries == 2_500_000
    monkeypatch.setattr(dataset, "sample", lambda config: sample)
    needed = replay.bytes_needed(config.preset("cql"))
    assert needed == 2_500_001 * 84 * 84 + 2_500_000 * 16  # 17.7 GB
    assert needed + (offline._AHEAD + 2) * offline.PIECE * 84 * 84 < 20e9
    monkeypatch.setattr("tf_pruned_rl.runtime.available_bytes", lambda: 10 * 10**9)
    with pytest.raises(UserError, match="needs 17.68 GB .* use --replay_capacity=1338000 or less"):
        replay.check_memory(config.preset("cql"))
