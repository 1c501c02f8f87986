"""Exactly k weights stay: those an argsort would keep, and of ties the earlier."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl.pruning.criterion import drop_and_grow, number_to_keep, top_k


def _reference(weights: np.ndarray, keep: int) -> np.ndarray:
    """The mask of a stable sort: falling magnitude, then rising index."""
    order = np.argsort(-np.abs(weights.astype(np.float64)).ravel(), kind="stable")
    mask = np.zeros(weights.size, bool)
    mask[order[:keep]] = True
    return mask.reshape(weights.shape)


@pytest.mark.parametrize(
    ("values", "jit"),
    [
        ("distinct", False),
        ("ties", False),
        ("ties", True),
        ("equal", False),
        ("zeros", True),
        ("tiny", False),
    ],
)
def test_equals_a_stable_argsort(values: str, jit: bool) -> None:
    normal = np.random.default_rng(0).normal(size=(3, 3, 7, 13)).astype(np.float32)
    weights = {
        "distinct": normal,
        "ties": np.round(normal, 1),
        "equal": np.full_like(normal, -0.5),
        "zeros": np.where(np.abs(normal) < 1.5, -0.0, normal).astype(np.float32),
        "tiny": (normal * 1e-30).astype(np.float32),
    }[values]
    select = tf.function(lambda weights, keep: top_k(tf.abs(weights), keep), jit_compile=jit)
    for keep in (1, 2, 41, 400, 818, 819):
        mask = select(tf.constant(weights), tf.constant(keep))
        expected = _reference(weights, keep)
        np.testing.assert_array_equal(mask, expected)
        assert np.count_nonzero(mask) == keep


def test_ties_by_hand() -> None:
    mask = top_k(tf.constant([[1.0, 2.0, 2.0], [2.0, 0.5, 3.0]]), tf.constant(3))
    assert mask.numpy().tolist() == [[False, True, True], [False, False, True]]


def test_only_candidates_are_marked_even_where_their_score_is_zero() -> None:
    scores = tf.constant([5.0, 0.0, 4.0, 0.0, 3.0, 0.0])
    candidates = tf.constant([False, True, False, True, True, True])
    for keep, marked in ((0, []), (1, [4]), (2, [1, 4]), (4, [1, 3, 4, 5])):
        assert np.flatnonzero(top_k(scores, tf.constant(keep), candidates)).tolist() == marked


def test_drop_and_grow_by_hand() -> None:
    mask = tf.constant([True, True, True, False, False, False, False])
    drop_scores = tf.constant([0.3, 0.1, 0.2, 9.0, 9.0, 9.0, 9.0])
    grow_scores = tf.constant([9.0, 0.0, 0.6, 0.5, 0.7, 0.1, 0.0])
    for number, marked in ((0, [0, 1, 2]), (1, [0, 2, 4]), (2, [0, 2, 4]), (3, [0, 2, 4])):
        assert (
            np.flatnonzero(drop_and_grow(mask, drop_scores, grow_scores, tf.constant(number))).tolist()
            == marked
        )


def test_half_precision_weights() -> None:
    scores = tf.constant([0.5, 1.5, 1.0, 0.25], tf.bfloat16)
    assert top_k(scores, tf.constant(2)).numpy().tolist() == [False, True, True, False]


@pytest.mark.parametrize("size", [1, 7, 20, 999, 1_982_464, 5_947_392, 16_777_217])
def test_number_kept_is_exact(size: int) -> None:
    for sparsity in (0.0, 0.3, 0.5, 0.9499, 0.95, 0.99, 0.999999):
        expected = max(1, round(size * (1.0 - sparsity)))
        assert int(number_to_keep(size, tf.constant(sparsity, tf.float64))) == expected
