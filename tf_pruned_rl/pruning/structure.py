"""What shape: whether single weights go, or blocks of them, or channels, or so many of every few.

A structure sees a kernel as units that stay or go as a whole. Which kernels it sees as one, and which
structure sees which kernel, ``bundles.py`` says.
"""

from __future__ import annotations

import abc
import math

import tensorflow as tf

from tf_pruned_rl.config.combinations import block_sides
from tf_pruned_rl.pruning.criterion import largest
from tf_pruned_rl.registry import STRUCTURES

KEPT, GROUP = 2, 4
"""Of so many consecutive inputs at most ``GROUP - KEPT`` weights go."""


class Structure(abc.ABC):
    """How the weights of a kernel hang together."""

    unit = "weight"
    """What a unit is called."""

    @abc.abstractmethod
    def units(self, shape: tuple[int, ...]) -> int:
        """Returns the number of units of a kernel."""

    @abc.abstractmethod
    def least(self, shape: tuple[int, ...]) -> int:
        """Returns how many units must stay, whatever is asked for."""

    @abc.abstractmethod
    def select(self, scores: tf.Tensor, mask: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
        """Marks the weights that stay.

        Args:
          scores: non-negative float tensor of the kernel's shape.
          mask: bool tensor like it, the weights that may stay: whole units.
          keep: int32 scalar, units to keep, no more than ``mask`` has.

        Returns:
          bool tensor like ``scores``, within ``mask``.
        """

    @abc.abstractmethod
    def kept(self, mask: tf.Tensor) -> int:
        """Returns the number of units that a mask keeps."""


class Unstructured(Structure):
    """Every weight for itself."""

    def units(self, shape: tuple[int, ...]) -> int:
        """Returns the number of weights."""
        return math.prod(shape)

    def least(self, shape: tuple[int, ...]) -> int:
        """Returns 1: no kernel is emptied."""
        del shape
        return 1

    def select(self, scores: tf.Tensor, mask: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
        """Marks the largest scores."""
        return largest(scores, keep, mask)

    def kept(self, mask: tf.Tensor) -> int:
        """Returns the number of marks."""
        return int(tf.math.count_nonzero(mask))


class Block(Unstructured):
    """Rectangles of inputs x outputs; in a convolution, at each position of its filters.

    The score of a block is the mean of its weights', as tfmot's AVG pooling has it; at the edges
    blocks are cut. tfmot itself knows blocks in dense layers only.
    """

    unit = "block"

    def __init__(self, inputs: int = 4, outputs: int = 4) -> None:
        """Takes the sides of a block, in weights (the two numbers of tfmot's block_size)."""
        self.inputs, self.outputs = inputs, outputs

    def units(self, shape: tuple[int, ...]) -> int:
        """Returns the number of blocks, cut ones included."""
        *positions, inputs, outputs = shape
        return math.prod(positions) * -(-inputs // self.inputs) * -(-outputs // self.outputs)

    def select(self, scores: tf.Tensor, mask: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
        """Marks the blocks with the largest mean scores."""
        sums, sizes = self._sums(scores), self._sums(tf.ones_like(scores))
        blocks = largest(sums / sizes, keep, self._blocks(mask))
        spread = tf.repeat(tf.repeat(blocks, self.inputs, axis=1), self.outputs, axis=2)
        *_, inputs, outputs = scores.shape
        return tf.reshape(spread[:, :inputs, :outputs], scores.shape)

    def kept(self, mask: tf.Tensor) -> int:
        """Returns the number of blocks with a mark."""
        return int(tf.math.count_nonzero(self._blocks(mask)))

    def _blocks(self, mask: tf.Tensor) -> tf.Tensor:
        return self._sums(tf.cast(mask, tf.float32)) > 0

    def _sums(self, values: tf.Tensor) -> tf.Tensor:
        """Returns the sums over blocks: float32 [positions, rows of blocks, columns of blocks]."""
        *_, inputs, outputs = values.shape
        flat = tf.reshape(tf.cast(values, tf.float32), [-1, inputs, outputs])
        flat = tf.pad(flat, [[0, 0], [0, -inputs % self.inputs], [0, -outputs % self.outputs]])
        positions, rows, columns = flat.shape
        sides = [rows // self.inputs, self.inputs, columns // self.outputs, self.outputs]
        return tf.reduce_sum(tf.reshape(flat, [positions, *sides]), axis=[2, 4])


class Channel(Unstructured):
    """Whole outputs: the filters of a convolution, the units of a dense layer.

    The score of a channel is the Euclidean norm of its weights'; where several layers write the same
    channels (``bundles.py``), that of the weights of all.
    """

    unit = "channel"

    def units(self, shape: tuple[int, ...]) -> int:
        """Returns the number of channels."""
        return shape[-1]

    def select(self, scores: tf.Tensor, mask: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
        """Marks the channels with the largest norms."""
        rows = list(range(len(scores.shape) - 1))
        norms = tf.sqrt(tf.reduce_sum(tf.square(tf.cast(scores, tf.float32)), rows))
        return tf.broadcast_to(largest(norms, keep, tf.reduce_any(mask, rows)), scores.shape)

    def kept(self, mask: tf.Tensor) -> int:
        """Returns the number of channels with a mark."""
        return int(
            tf.math.count_nonzero(tf.reduce_any(tf.cast(mask, tf.bool), list(range(len(mask.shape) - 1))))
        )


class NofM(Unstructured):
    """2:4: of every 4 consecutive inputs to an output 2 stay at least, exactly 2 at the final sparsity.

    Groups run along the input channels, as tfmot's do; a last one that is shorter keeps 2 as well. On
    the way there, the smallest weights go first, but never a third one of a group.
    """

    def least(self, shape: tuple[int, ...]) -> int:
        """Returns two weights per group (one where a group is a single weight)."""
        *rest, inputs, outputs = shape
        whole, cut = divmod(inputs, GROUP)
        return math.prod(rest) * outputs * (whole * KEPT + min(cut, KEPT))

    def select(self, scores: tf.Tensor, mask: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
        """Marks the two largest scores of each group, and of the others the largest."""
        firm = self._firm(scores, mask)
        rest = keep - tf.reduce_sum(tf.cast(firm, tf.int32))
        return firm | largest(scores, rest, mask & ~firm)

    def _firm(self, scores: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        *_, inputs, outputs = scores.shape
        padding = [[0, 0], [0, -inputs % GROUP], [0, 0]]
        values = tf.where(mask, tf.cast(scores, tf.float32), -1.0)
        values = tf.pad(tf.reshape(values, [-1, inputs, outputs]), padding, constant_values=-2.0)
        groups = tf.reshape(values, [values.shape[0], -1, GROUP, outputs])
        ahead = [_ahead(groups, place) for place in range(GROUP)]
        first = tf.reshape(tf.stack(ahead, axis=2) < KEPT, [values.shape[0], -1, outputs])
        return tf.reshape(first[:, :inputs], scores.shape) & mask


def _ahead(groups: tf.Tensor, place: int) -> tf.Tensor:
    """Returns how many of a group come before the one at ``place``; of equal ones the earlier does."""
    mine = groups[:, :, place : place + 1]
    earlier = tf.range(GROUP)[:, None] < place
    before = (groups > mine) | (tf.equal(groups, mine) & earlier)
    return tf.reduce_sum(tf.cast(before, tf.int32), axis=2)


def create(name: str, block: str = "4x4") -> Structure:
    """Returns the structure called ``name``.

    Args:
      name: a name in ``registry.STRUCTURES``.
      block: inputs x outputs of a block.

    Raises:
      UserError: there is none, or ``block`` is no such size.
    """
    structure, sides = STRUCTURES[name], block_sides(block)
    return structure(*sides) if structure is Block else structure()
