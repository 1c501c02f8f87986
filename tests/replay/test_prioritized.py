"""The sum tree against float64 sums, and prioritized draws against their chances."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tf_pruned_rl.environments import Screen
from tf_pruned_rl.replay import FrameReplay
from tf_pruned_rl.replay.prioritized import FAN_OUT, SumTree, level_sizes

LEAVES = 20_000


@pytest.fixture(scope="module")
def tree_and_values() -> tuple[SumTree, np.ndarray]:
    """A tree of three levels after random updates, half of them to zero, and its leaves."""
    random = np.random.default_rng(0)
    tree, values = SumTree(LEAVES), np.zeros(LEAVES)
    for _ in range(60):
        leaves = random.integers(0, LEAVES, 700)
        leaves, first = np.unique(leaves, return_index=True)
        new = (random.exponential(size=700) ** 4 * (random.random(700) < 0.5))[first]
        tree.set(tf.constant(leaves), tf.constant(new))
        values[leaves] = new
    return tree, values


def test_sums_equal_a_reference(tree_and_values) -> None:
    """Every node is the sum of its children (relative 1e-12), three levels up."""
    tree, values = tree_and_values
    assert level_sizes(LEAVES) == [157, 2, 1]
    padded = np.zeros(157 * FAN_OUT)
    padded[:LEAVES] = values
    np.testing.assert_array_equal(tree.levels[0].numpy().ravel(), padded)
    sums = padded.reshape(-1, FAN_OUT).sum(1)
    np.testing.assert_allclose(tree.levels[1].numpy().ravel()[:157], sums, rtol=1e-12)
    halves = [sums[:FAN_OUT].sum(), sums[FAN_OUT:].sum()]
    np.testing.assert_allclose(tree.levels[2].numpy().ravel()[:2], halves, rtol=1e-12)
    np.testing.assert_allclose(tree.total(), values.sum(), rtol=1e-12)


def test_find_equals_a_search_in_the_cumulated_leaves(tree_and_values) -> None:
    tree, values = tree_and_values
    targets = np.random.default_rng(1).random(5_000) * values.sum()
    leaves, found = tree.find(tf.constant(targets))
    np.testing.assert_array_equal(leaves, np.searchsorted(np.cumsum(values), targets, side="right"))
    np.testing.assert_array_equal(found, values[leaves.numpy()])


def test_zero_is_never_found(tree_and_values) -> None:
    """Not even exactly at a leaf's edge, at the total or beyond it."""
    tree, values = tree_and_values
    edges = np.cumsum(values)
    targets = np.concatenate([[0.0], edges, np.nextafter(edges, 0), [edges[-1] * (1 + 1e-9)]])
    leaves, found = tree.find(tf.constant(targets))
    assert (found.numpy() > 0).all()
    assert (values[leaves.numpy()] > 0).all()


def _filled(steps: int = 400, batch_size: int = 32, **arguments) -> FrameReplay:
    arguments |= {"screen": Screen((2, 2))}
    replay = FrameReplay(500, sampling="prioritized", batch_size=batch_size, **arguments)

    @tf.function
    def fill() -> None:
        for _ in tf.range(steps):
            no = tf.zeros([1], tf.bool)
            replay.add(tf.zeros([1, 2, 2], tf.uint8), tf.zeros([1], tf.int32), tf.zeros([1]), no, no)

    fill()
    return replay


def test_frequencies() -> None:
    """1e5 draws pass a chi-square test against the priorities (p > 0.001), in batches of 500."""
    replay = _filled(seed=3)
    random = np.random.default_rng(2)
    losses = random.exponential(size=399) ** 2 + 0.01
    rows = random.permutation(399)
    replay.update_priorities(tf.constant(rows), tf.constant(losses, tf.float32))

    @tf.function
    def draw() -> tf.Tensor:
        counts = tf.zeros([500], tf.int64)
        for _ in tf.range(200):
            drawn, _ = replay.sampler.draw(500)
            counts += tf.math.bincount(tf.cast(drawn, tf.int32), minlength=500, maxlength=500, dtype=tf.int64)
        return counts

    counts = draw().numpy()
    assert counts.sum() == 100_000
    assert counts[399:].sum() == 0
    chances = np.zeros(399)
    chances[rows] = np.sqrt(losses + 1e-10)
    assert scipy.stats.chisquare(counts[:399], 100_000 * chances / chances.sum()).pvalue > 0.001


def test_draws_are_stratified() -> None:
    """With equal priorities and as many draws as entries, each entry is drawn exactly once."""
    replay = _filled(steps=129)
    rows, _ = replay.sampler.draw(128)
    assert rows.numpy().tolist() == list(range(128))


def test_weights() -> None:
    """(P + 1e-10)^(-1/2) over its maximum, relative 1e-6."""
    replay = _filled()
    probabilities = np.array([0.5, 1e-6, 3.0, 0.02], np.float32)
    expected = (probabilities.astype(np.float64) + 1e-10) ** -0.5
    weights = replay.sampler.weights(tf.constant(probabilities))
    np.testing.assert_allclose(weights, expected / expected.max(), rtol=1e-6)
    batch = replay.sample()
    assert (replay.importance_weights(batch).numpy() == 1).all()


def test_update() -> None:
    """Square roots; the larger of two; no revival; new entries get the largest ever recorded."""
    replay = _filled(n_step=3)
    indices = tf.constant([5, 6, 5, 399, 398, 450], tf.int64)
    replay.update_priorities(indices, tf.constant([4.0, 0.0, 9.0, 1.0, 1.0, 25.0]))
    leaves = replay.sampler.tree.levels[0].numpy().ravel()
    np.testing.assert_allclose(leaves[5:7], [3.0, 1e-5], rtol=1e-6)
    # The last three entries have no successor yet, and entry 450 does not exist.
    assert leaves[396] == 1.0
    assert (leaves[397:] == 0).all()
    assert replay.sampler.max_priority.numpy() == pytest.approx(5.0)
    replay.update_priorities(tf.constant([7], tf.int64), tf.constant([0.04]))
    no = tf.zeros([1], tf.bool)
    replay.add(tf.zeros([1, 2, 2], tf.uint8), tf.zeros([1], tf.int32), tf.zeros([1]), no, no)
    assert replay.sampler.tree.levels[0].numpy().ravel()[397] == pytest.approx(5.0)


@pytest.mark.parametrize("streams", [1, 2])
def test_an_entry_that_replaced_the_drawn_one_keeps_its_priority(streams: int) -> None:
    """A ring of 20, n = 3, stacks of 4: of 30 steps, those from 13 to 26 can be drawn; 12 more are added."""
    replay = FrameReplay(
        20 * streams, num_envs=streams, n_step=3, sampling="prioritized", screen=Screen((2, 2))
    )
    no = tf.zeros([streams], tf.bool)

    def add(steps: int) -> None:
        frames = tf.zeros([streams, 2, 2], tf.uint8)
        for _ in range(steps):
            replay.add(frames, tf.zeros([streams], tf.int32), tf.zeros([streams]), no, no)

    add(30)
    rows = tf.constant(
        [stream * 20 + step % 20 for stream in range(streams) for step in range(13, 27)], tf.int64
    )
    add(12)  # steps 30 to 41 lie where 13 to 21 lay; those to 38 have three steps after them
    replay.update_priorities(rows, tf.fill(rows.shape, 0.25), added=12)
    leaves = replay.sampler.tree.levels[0].numpy().ravel()
    for stream in range(streams):
        # Step t + 20 replaced t; 22 to 24 have lost a frame of their stack.
        steps = {30 + k: 1.0 for k in range(9)} | {39: 0.0, 40: 0.0, 41: 0.0}
        steps |= {22: 0.0, 23: 0.0, 24: 0.0, 25: 0.5, 26: 0.5}
        for step, priority in steps.items():
            assert leaves[stream * 20 + step % 20] == pytest.approx(priority, abs=1e-8), step


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="no transition"):
        _filled(steps=1).sample()
