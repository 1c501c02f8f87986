"""What a sample of the replay holds."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Batch(NamedTuple):
    """B transitions of n agent steps each, independent of how they were drawn."""

    observations: tf.Tensor
    """uint8 [B, 84, 84, 4]: the stack acted on, newest frame last."""
    actions: tf.Tensor
    """int32 [B]."""
    returns: tf.Tensor
    """float32 [B]: sum of gamma^k r_{t+k} for k < n, up to and including the first terminal's reward."""
    discounts: tf.Tensor
    """float32 [B]: gamma^n, or 0 where a terminal lies among the n steps."""
    next_observations: tf.Tensor
    """uint8 [B, 84, 84, 4]: the stack n steps later; where the discount is 0 it belongs to no episode."""
    indices: tf.Tensor
    """int64 [B]: the entries drawn, for `update_priorities`; good until the next `add`."""
    probabilities: tf.Tensor
    """float32 [B]: chance of each entry, up to a common factor."""
