"""A batch of images in parts, so that a convolution and the pooling after it find a part in the cache.

On the CPU a batch's outputs of the ResNet's first convolution, 14.5 MB at width 1, go to main memory and
come back for the pooling, and again in the backward pass (docs/performance-tried.md).
"""

from __future__ import annotations

import math

import tensorflow as tf

from tf_pruned_rl.compute.computation import Activations

# What a part may take, for which a core's share of the caches has room; and how few images are worth the
# operations of a part.
_BYTES = 2**21
_FEWEST = 4


class Parts(Activations):
    """A batch in parts.

    Attributes:
      parts: tensors [B_i, ...], in order.
    """

    def __init__(self, parts: list[tf.Tensor]) -> None:
        """Takes the parts."""
        self.parts = parts

    def tensor(self) -> tf.Tensor:
        """Returns the batch, [B, ...]."""
        return join(self.parts)


def split(inputs: tf.Tensor, image_bytes: int) -> list[tf.Tensor]:
    """Returns [B, ...] in parts of about the same size; whole where small or of unknown size.

    Args:
      inputs: a batch of images.
      image_bytes: what one of them takes after the convolution.
    """
    images = inputs.shape[0]
    if images is None:
        return [inputs]
    count = math.ceil(images / max(_FEWEST, _BYTES // image_bytes))
    sizes = [(images + number) // count for number in range(count)]
    return tf.split(inputs, sizes) if count > 1 else [inputs]


def join(parts: list[tf.Tensor]) -> tf.Tensor:
    """Returns the batch that was split, [B, ...]."""
    return tf.concat(parts, 0) if len(parts) > 1 else parts[0]
