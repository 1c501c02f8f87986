"""Which: what makes a weight worth keeping, and the selection of exactly so many of the best.

Nothing is sorted: the threshold is found bit by bit, each bit one count over the kernel. That is
exact, costs the same on any data, gives the same bits on every device, and compiles under XLA.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class Kernel(NamedTuple):
    """What a criterion may look at; what it does not call for is not computed."""

    weights: tf.Tensor
    """Float tensor of any shape, exactly 0 outside the mask."""
    gradient: Callable[[], tf.Tensor]
    """Returns the loss's gradient by every weight, those outside the mask too, like ``weights``."""
    random: Callable[[], tf.Tensor]
    """Returns float32 numbers, uniform on [0, 1), like ``weights``; others at each call."""


def magnitude(kernel: Kernel) -> tf.Tensor:
    """Returns |weight|."""
    return tf.abs(tf.cast(kernel.weights, tf.float32))


def random(kernel: Kernel) -> tf.Tensor:
    """Returns a random number for each weight."""
    return kernel.random()


def gradient(kernel: Kernel) -> tf.Tensor:
    """Returns |d loss / d weight|, how fast a weight would leave 0 (Evci et al., 2020)."""
    return tf.abs(tf.cast(kernel.gradient(), tf.float32))


def weights_to_keep(size: int, sparsity: tf.Tensor) -> tf.Tensor:
    """Returns how many of ``size`` weights stay: max(1, round(size (1 - sparsity))).

    Args:
      size: weights in the kernel.
      sparsity: float64 scalar in [0, 1). float32 would be off by one for kernels of a few million.

    Returns:
      int32 scalar.
    """
    return tf.cast(tf.maximum(tf.round(size * (1.0 - sparsity)), 1.0), tf.int32)


def largest(scores: tf.Tensor, keep: tf.Tensor, among: tf.Tensor | None = None) -> tf.Tensor:
    """Marks the ``keep`` largest scores; of equal ones the earlier (flat index).

    Args:
      scores: non-negative float tensor of any shape, less than 2^31 in number.
      keep: int32 scalar, at least 0; exactly so many are marked.
      among: bool tensor like ``scores``: those that may be marked, ``keep`` or more; all by default.

    Returns:
      bool tensor like ``scores``.
    """
    # Non-negative floats order like their bit patterns, so the search is one over integers. 0 is left
    # for those that may not be marked.
    ranks = tf.bitcast(tf.abs(tf.cast(tf.reshape(scores, [-1]), tf.float32)), tf.int32) + 1
    if among is not None:
        ranks = tf.where(tf.reshape(among, [-1]), ranks, 0)
    threshold = _kth_largest(ranks, keep, num_bits=31)
    above, tied = ranks > threshold, tf.equal(ranks, threshold) & (ranks > 0)
    places = keep - _count(above)
    # Trained weights hardly ever tie for the last places.
    tied = tf.cond(tf.equal(_count(tied), places), lambda: tied, lambda: _first(tied, places))
    return tf.reshape(above | tied, scores.shape)


def exchange(kept: tf.Tensor, dropping: tf.Tensor, growing: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Drops weights and grows as many others (Mocanu et al., 2018; Evci et al., 2020, algorithm 1).

    What is dropped may grow again at once, as there.

    Args:
      kept: bool tensor, the mask.
      dropping: float tensor like ``kept``: the ``number`` smallest of the kept ones go.
      growing: float tensor like ``kept``: of all that is not kept then, the ``number`` largest come.
      number: int32 scalar, at most the number kept.

    Returns:
      bool tensor, the new mask, with as many marks as ``kept``.
    """
    rest = largest(dropping, _count(kept) - number, kept)
    return rest | largest(growing, number, ~rest)


def _first(flags: tf.Tensor, k: tf.Tensor) -> tf.Tensor:
    """Returns ``flags`` (bool [n]) with only the first ``k`` of the true ones left."""
    size = flags.shape.num_elements()
    ranks = tf.where(flags, tf.range(size, 0, -1), 0)
    return (ranks >= _kth_largest(ranks, k, num_bits=size.bit_length())) & flags & (k > 0)


def _kth_largest(values: tf.Tensor, k: tf.Tensor, num_bits: int) -> tf.Tensor:
    """Returns the ``k``-th largest of ``values`` (int32 [n] in [0, 2^num_bits)), found bit by bit."""

    def try_bit(found: tf.Tensor, bit: tf.Tensor) -> tf.Tensor:
        trial = found | bit
        return tf.where(_count(values >= trial) >= k, trial, found)

    bits = tf.constant([1 << b for b in reversed(range(num_bits))], tf.int32)
    return tf.foldl(try_bit, bits, initializer=tf.constant(0))


def _count(flags: tf.Tensor) -> tf.Tensor:
    # tf.math.count_nonzero goes by int64, which takes twice as long.
    return tf.reduce_sum(tf.cast(flags, tf.int32))
