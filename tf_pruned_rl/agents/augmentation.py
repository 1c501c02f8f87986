"""Data augmentation of image observations: random shifts and intensities (Kostrikov et al., 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from tf_pruned_rl.seeding import Purpose, tensorflow_generator

if TYPE_CHECKING:
    from tf_pruned_rl.replay.batch import Batch

PAD = 4
"""Pixels by which the border is repeated on every side before an image is cut out again."""
SCALE = 0.05
"""Standard deviation of the intensity, a factor around 1, before it is cut."""
CUT = 2.0
"""Standard deviations at which it is cut."""


class ShiftAndIntensity:
    """What DrQ does to a batch (as in Dopamine's labs/atari_100k).

    Every image is shifted by whole pixels, up to 4 up and left and up to 3 down and right, its border
    repeated; and multiplied by 1 + 0.05 clip(N(0, 1), -2, 2). The frames of a stack share both;
    an observation and its successor do not.

    Attributes:
      generator: of the draws.
    """

    def __init__(self, seed: int) -> None:
        """Seeds the draws."""
        self.generator = tensorflow_generator(seed, Purpose.AUGMENTATION)

    def __call__(self, batch: Batch) -> Batch:
        """Returns the batch with new observations, float32 [B, 84, 84, 4] in [0, 1.1 * 255]."""
        return batch._replace(
            observations=self.augment(batch.observations),
            next_observations=self.augment(batch.next_observations),
        )

    def augment(self, images: tf.Tensor) -> tf.Tensor:
        """Returns float32 [B, H, W, C] for uint8 [B, H, W, C]."""
        count = tf.shape(images)[0]
        # The upper end is exclusive, so the largest shift of all four directions is rarer by one.
        offsets = self.generator.uniform([2, count], maxval=2 * PAD, dtype=tf.int32) - PAD
        factors = 1 + SCALE * tf.clip_by_value(self.generator.normal([count, 1, 1, 1]), -CUT, CUT)
        return tf.cast(shift(images, offsets[0], offsets[1]), tf.float32) * factors


def shift(images: tf.Tensor, down: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Returns [B, H, W, C]: pixel (i, j) is that of (i + down, j + right), or of the border beyond it.

    Args:
      images: [B, H, W, C].
      down: int32 [B].
      right: int32 [B].
    """
    _, height, width, _ = images.shape
    rows = tf.clip_by_value(tf.range(height) + down[:, None], 0, height - 1)
    columns = tf.clip_by_value(tf.range(width) + right[:, None], 0, width - 1)
    return tf.gather(tf.gather(images, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)
