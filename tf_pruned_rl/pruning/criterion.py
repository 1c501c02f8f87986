"""Which weights: how a weight is scored, and the selection of an exact number of the highest scores.

``top_k`` does not sort: it finds the threshold bit by bit, with one count over the kernel for each bit.
That is exact, takes the same time for any data, gives the same bits on every device, and compiles under
XLA.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class ScoreInputs(NamedTuple):
    """What a criterion may use of one kernel; what it does not call is not computed."""

    weights: tf.Tensor
    """Float tensor of any shape, exactly 0 outside the mask."""
    gradient: Callable[[], tf.Tensor]
    """Returns the loss's gradient by every weight, pruned ones too, shaped like ``weights``; only for
    criteria that declare ``needs_gradients``."""
    random: Callable[[], tf.Tensor]
    """Returns float32 numbers, uniform on [0, 1), shaped like ``weights``; new ones at each call."""


Criterion = Callable[[ScoreInputs], tf.Tensor]
"""Returns the score of each weight: a non-negative float tensor shaped like the weights."""


def needs_gradients(criterion: Criterion) -> Criterion:
    """Declares that a criterion calls ``inputs.gradient()``, as a decorator.

    The gradients of all weights are computed for such criteria only, at the updates of the masks.
    """
    criterion.needs_gradients = True  # type: ignore[attr-defined]
    return criterion


def magnitude(inputs: ScoreInputs) -> tf.Tensor:
    """Returns |weight|."""
    return tf.abs(tf.cast(inputs.weights, tf.float32))


def random(inputs: ScoreInputs) -> tf.Tensor:
    """Returns a random number for each weight."""
    return inputs.random()


@needs_gradients
def gradient(inputs: ScoreInputs) -> tf.Tensor:
    """Returns |d loss / d weight|, the speed at which a weight would leave 0 (Evci et al., 2020)."""
    return tf.abs(tf.cast(inputs.gradient(), tf.float32))


def number_to_keep(size: int, sparsity: tf.Tensor) -> tf.Tensor:
    """Returns max(1, round(size (1 - sparsity))), an int32 scalar.

    Args:
      size: number of weights, or of other units.
      sparsity: float64 scalar in [0, 1). float32 would be off by one for kernels of a few million.
    """
    return tf.cast(tf.maximum(tf.round(size * (1.0 - sparsity)), 1.0), tf.int32)


def top_k(scores: tf.Tensor, k: tf.Tensor, candidates: tf.Tensor | None = None) -> tf.Tensor:
    """Marks the ``k`` highest scores; of equal scores, those with the lower flat index.

    Args:
      scores: non-negative float tensor of any shape, with fewer than 2^31 entries.
      k: int32 scalar, at least 0; exactly so many are marked.
      candidates: bool tensor like ``scores``: the entries that may be marked, at least ``k``; default all.

    Returns:
      bool tensor like ``scores``.
    """
    # Non-negative floats have the same order as their bit patterns, so the search is over integers. Rank 0
    # is for entries that may not be marked.
    ranks = tf.bitcast(tf.abs(tf.cast(tf.reshape(scores, [-1]), tf.float32)), tf.int32) + 1
    if candidates is not None:
        ranks = tf.where(tf.reshape(candidates, [-1]), ranks, 0)
    threshold = _kth_largest(ranks, k, num_bits=31)
    above, ties = ranks > threshold, tf.equal(ranks, threshold) & (ranks > 0)
    places = k - _count(above)
    # Trained weights hardly ever tie for the last places.
    ties = tf.cond(tf.equal(_count(ties), places), lambda: ties, lambda: _first(ties, places))
    return tf.reshape(above | ties, scores.shape)


def drop_and_grow(
    mask: tf.Tensor, drop_scores: tf.Tensor, grow_scores: tf.Tensor, number: tf.Tensor
) -> tf.Tensor:
    """Drops kept weights and grows as many pruned ones (Mocanu et al., 2018; Evci et al., 2020, algorithm 1).

    As there, a weight that is dropped may grow again in the same update.

    Args:
      mask: bool tensor, true for the weights that are kept.
      drop_scores: float tensor like ``mask``: of the kept weights, the ``number`` lowest are dropped.
      grow_scores: float tensor like ``mask``: of the weights not kept then, the ``number`` highest grow.
      number: int32 scalar, at most the number of kept weights.

    Returns:
      bool tensor, the new mask, which keeps as many weights as ``mask``.
    """
    remaining = top_k(drop_scores, _count(mask) - number, mask)
    return remaining | top_k(grow_scores, number, ~remaining)


def _first(flags: tf.Tensor, k: tf.Tensor) -> tf.Tensor:
    """Returns ``flags`` (bool [n]) with only the first ``k`` of its true entries."""
    size = flags.shape.num_elements()
    ranks = tf.where(flags, tf.range(size, 0, -1), 0)
    return (ranks >= _kth_largest(ranks, k, num_bits=size.bit_length())) & flags & (k > 0)


def _kth_largest(values: tf.Tensor, k: tf.Tensor, num_bits: int) -> tf.Tensor:
    """Returns the ``k``-th largest of ``values`` (int32 [n] in [0, 2^num_bits)), bit by bit."""

    def try_bit(prefix: tf.Tensor, bit: tf.Tensor) -> tf.Tensor:
        trial = prefix | bit
        return tf.where(_count(values >= trial) >= k, trial, prefix)

    bits = tf.constant([1 << b for b in reversed(range(num_bits))], tf.int32)
    return tf.foldl(try_bit, bits, initializer=tf.constant(0))


def _count(flags: tf.Tensor) -> tf.Tensor:
    # tf.math.count_nonzero counts in int64, which takes twice as long.
    return tf.reduce_sum(tf.cast(flags, tf.int32))
