"""Convolution and max-pooling of a few images at a time, which stay in the cache between the two.

On the CPU a batch's outputs of the ResNet's first convolution, 14.5 MB at width 1, go to main memory and
come back for the pooling, and again in the backward pass (docs/performance-tried.md).
"""

from __future__ import annotations

import math

import tensorflow as tf
import tf_keras

from tf_pruned_rl.networks.convolution import Conv2D

# What a part may take, for which a core's share of the caches has room; and how few images are worth the
# operations of a part.
_BYTES = 2**21
_FEWEST = 4


def split(inputs: tf.Tensor, image_bytes: int) -> list[tf.Tensor]:
    """Returns [B, ...] in parts of about the same size; whole where small, of unknown size or on a GPU.

    Args:
      inputs: a batch of images.
      image_bytes: what one of them takes after the convolution.
    """
    images = inputs.shape[0]
    if images is None or tf.config.list_logical_devices("GPU"):
        return [inputs]
    count = math.ceil(images / max(_FEWEST, _BYTES // image_bytes))
    sizes = [(images + number) // count for number in range(count)]
    return tf.split(inputs, sizes) if count > 1 else [inputs]


class PartedConv2D(Conv2D):
    """A convolution of stride 1 and SAME padding, whose outputs ``PartedMaxPool2D`` takes in parts."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns what the convolution does, [B, H, W, C]."""
        height, width = inputs.shape[1:3]
        image_bytes = height * width * self.filters * tf.as_dtype(self.compute_dtype).size
        parts = [super(PartedConv2D, self).call(part) for part in split(inputs, image_bytes)]
        outputs = _join(parts)
        # As Keras hands on its masks. Where nobody reads the whole, it never comes to be.
        outputs._parts = parts
        return outputs


class PartedMaxPool2D(tf_keras.layers.MaxPool2D):
    """A max-pooling, of each of the parts that its inputs were made in."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns what the pooling does, [B, H', W', C]."""
        parts = [super(PartedMaxPool2D, self).call(part) for part in getattr(inputs, "_parts", [inputs])]
        return _join(parts)


def _join(parts: list[tf.Tensor]) -> tf.Tensor:
    return tf.concat(parts, 0) if len(parts) > 1 else parts[0]
