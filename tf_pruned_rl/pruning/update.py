"""One update of the masks: scores, numbers of weights to keep, selection, and growth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from tf_pruned_rl.pruning import criterion
from tf_pruned_rl.pruning.criterion import ScoreInputs
from tf_pruned_rl.pruning.masks import MaskedGroup, MaskedKernel
from tf_pruned_rl.pruning.methods import Method


def new_masks(
    groups: Sequence[MaskedGroup],
    method: Method,
    score_inputs: Callable[[MaskedKernel], ScoreInputs],
    step: tf.Tensor,
    *,
    drop_share: tf.Tensor,
    pooled: bool,
) -> list[tf.Tensor]:
    """Returns the new masks of one network's groups, each bool of its group's shape.

    Args:
      groups: the network's groups, with their current masks.
      method: gives the scores.
      score_inputs: returns what a criterion may use of a kernel.
      step: int64 scalar, the gradient step at which the schedules are read.
      drop_share: float64 scalar, share of the kept weights that are dropped where weights grow again.
      pooled: whether the weights of all kernels compete (the distribution ``global``).
    """
    inputs = [[score_inputs(masked) for masked in group.masked] for group in groups]
    scores = [
        group.group.join([method.keep(of_kernel) for of_kernel in of_group])
        for group, of_group in zip(groups, inputs, strict=True)
    ]
    keeps = [group.units_to_keep(group.schedule.sparsity(step)) for group in groups]
    if pooled:
        keeps = _keep_of_pool(groups, scores, keeps)
    masks = [
        group.group.structure.select(score, group.mask(), keep)
        for group, score, keep in zip(groups, scores, keeps, strict=True)
    ]
    if method.grow is None:
        return masks
    # Weights grow again in unstructured pruning only, where each group is one kernel.
    return [
        criterion.drop_and_grow(mask, score, method.grow(of_kernel), _number_to_drop(drop_share, keep))
        for mask, score, (of_kernel,), keep in zip(masks, scores, inputs, keeps, strict=True)
    ]


def drop_share(drop_fraction: float, step: tf.Tensor, end_step: int) -> tf.Tensor:
    """Returns the share of the kept weights that are dropped at ``step``, a float64 scalar.

    It falls from ``drop_fraction`` to 0 along half a cosine (Evci et al., 2020).

    Args:
      drop_fraction: the share at step 0.
      step: int64 scalar, gradient steps.
      end_step: gradient steps when the share is 0.
    """
    progress = tf.cast(step, tf.float64) / end_step
    return drop_fraction / 2 * (1 + tf.cos(math.pi * tf.minimum(progress, 1.0)))


def _number_to_drop(share: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.floor(share * tf.cast(keep, tf.float64)), tf.int32)


def _keep_of_pool(
    groups: Sequence[MaskedGroup], scores: Sequence[tf.Tensor], keeps: Sequence[tf.Tensor]
) -> list[tf.Tensor]:
    """Returns how many weights each kernel keeps, at least 1, if the weights of all kernels compete."""
    pool = tf.concat([tf.reshape(score, [-1]) for score in scores], axis=0)
    candidates = tf.concat([tf.reshape(group.mask(), [-1]) for group in groups], axis=0)
    best = criterion.top_k(pool, tf.add_n(keeps), candidates)
    parts = tf.split(best, [group.group.size for group in groups])
    return [tf.maximum(tf.reduce_sum(tf.cast(part, tf.int32)), 1) for part in parts]
