"""What a sample of the replay holds."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Batch(NamedTuple):
    """B transitions of n agent steps each, independent of how they were drawn.

    Those of Atari games are of stacked frames, those of continuous control of D numbers and A actions.
    """

    observations: tf.Tensor
    """uint8 [B, *observation_shape], [B, 84, 84, 4] on Atari: the stack acted on, newest frame last; or
    float32 [B, D]."""
    actions: tf.Tensor
    """int32 [B], or float32 [B, A]."""
    returns: tf.Tensor
    """float32 [B]: sum of gamma^k r_{t+k} for k < n, up to and including the first terminal's reward."""
    discounts: tf.Tensor
    """float32 [B]: gamma^n, or 0 where a terminal lies among the n steps. With vectors gamma^m, where an
    episode is cut after m of them."""
    next_observations: tf.Tensor
    """As ``observations``, n steps later; where the discount is 0 they belong to no episode."""
    indices: tf.Tensor
    """int64 [B]: the entries drawn, for `update_priorities`, which is told how many were added since."""
    probabilities: tf.Tensor
    """float32 [B]: chance of each entry, up to a common factor."""
