"""Which: the weights of one kernel that stay.

Nothing is sorted: the threshold is found bit by bit, each bit one count over the kernel. That is
exact, costs the same on any data, gives the same bits on every device, and compiles under XLA.
"""

from __future__ import annotations

import tensorflow as tf


def weights_to_keep(size: int, sparsity: tf.Tensor) -> tf.Tensor:
    """Returns how many of ``size`` weights stay: max(1, round(size (1 - sparsity))).

    Args:
      size: weights in the kernel.
      sparsity: float64 scalar in [0, 1). float32 would be off by one for kernels of a few million.

    Returns:
      int32 scalar.
    """
    return tf.cast(tf.maximum(tf.round(size * (1.0 - sparsity)), 1.0), tf.int32)


def magnitude(weights: tf.Tensor, keep: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Marks the ``keep`` weights of largest magnitude; of equal ones the earlier (flat index) stays.

    Args:
      weights: float tensor of any shape, less than 2^31 weights.
      keep: int32 scalar, 1 <= keep <= number of weights; exactly so many are marked.

    Returns:
      (mask, threshold): a bool tensor like ``weights``, and the float32 magnitude of the smallest
      weight that stays.
    """
    # Non-negative floats order like their bit patterns, so the search is one over integers.
    bits = tf.bitcast(tf.abs(tf.cast(tf.reshape(weights, [-1]), tf.float32)), tf.int32)
    threshold = _kth_largest(bits, keep, num_bits=31)
    above, tied = bits > threshold, tf.equal(bits, threshold)
    places = keep - _count(above)
    # Trained weights hardly ever tie for the last places.
    tied = tf.cond(tf.equal(_count(tied), places), lambda: tied, lambda: _first(tied, places))
    return tf.reshape(above | tied, weights.shape), tf.bitcast(threshold, tf.float32)


def _first(flags: tf.Tensor, k: tf.Tensor) -> tf.Tensor:
    """Returns ``flags`` (bool [n]) with only the first ``k`` of the true ones left."""
    size = flags.shape.num_elements()
    ranks = tf.where(flags, tf.range(size, 0, -1), 0)
    return ranks >= _kth_largest(ranks, k, num_bits=size.bit_length())


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
