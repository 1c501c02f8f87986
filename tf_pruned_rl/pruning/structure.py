"""What shape: single weights, blocks, channels, or a number of every few weights.

A structure divides a kernel into units, which are kept or pruned as a whole. ``groups.py`` says which
structure a kernel has, and which kernels are pruned together.
"""

from __future__ import annotations

import abc
import math

import tensorflow as tf

from tf_pruned_rl.config.combinations import block_sides
from tf_pruned_rl.pruning.criterion import top_k
from tf_pruned_rl.registry import STRUCTURES

N_KEPT, M_INPUTS = 2, 4
"""N:M sparsity: of every ``M_INPUTS`` consecutive inputs at least ``N_KEPT`` weights are kept."""


class Structure(abc.ABC):
    """How the weights of a kernel form units."""

    unit = "weight"
    """The name of a unit."""

    @abc.abstractmethod
    def num_units(self, shape: tuple[int, ...]) -> int:
        """Returns the number of units of a kernel."""

    @abc.abstractmethod
    def min_units(self, shape: tuple[int, ...]) -> int:
        """Returns the least number of units that are kept, at any sparsity."""

    @abc.abstractmethod
    def select(self, scores: tf.Tensor, mask: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
        """Returns the mask of the units with the highest scores.

        Args:
          scores: non-negative float tensor of the kernel's shape.
          mask: bool tensor like it, the weights that may be kept: whole units.
          keep: int32 scalar, units to keep, no more than ``mask`` has.

        Returns:
          bool tensor like ``scores``, within ``mask``.
        """

    @abc.abstractmethod
    def kept_units(self, mask: tf.Tensor) -> int:
        """Returns the number of units that a mask keeps."""


class Unstructured(Structure):
    """Every weight is a unit."""

    def num_units(self, shape: tuple[int, ...]) -> int:
        """Returns the number of weights."""
        return math.prod(shape)

    def min_units(self, shape: tuple[int, ...]) -> int:
        """Returns 1: no kernel is emptied."""
        del shape
        return 1

    def select(self, scores: tf.Tensor, mask: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
        """Returns the mask of the highest scores."""
        return top_k(scores, keep, mask)

    def kept_units(self, mask: tf.Tensor) -> int:
        """Returns the number of weights in the mask."""
        return int(tf.math.count_nonzero(mask))


class Block(Unstructured):
    """Rectangles of inputs x outputs; in a convolution, at each position of its filters.

    The score of a block is the mean score of its weights, as in tfmot's AVG pooling; blocks at the edges
    are smaller. tfmot itself has blocks in dense layers only.
    """

    unit = "block"

    def __init__(self, inputs: int = 4, outputs: int = 4) -> None:
        """Sets the sides of a block, in weights (the two numbers of tfmot's block_size)."""
        self.inputs, self.outputs = inputs, outputs

    def num_units(self, shape: tuple[int, ...]) -> int:
        """Returns the number of blocks, those at the edges included."""
        *positions, inputs, outputs = shape
        return math.prod(positions) * -(-inputs // self.inputs) * -(-outputs // self.outputs)

    def select(self, scores: tf.Tensor, mask: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
        """Returns the mask of the blocks with the highest mean scores."""
        sums, sizes = self._sums(scores), self._sums(tf.ones_like(scores))
        blocks = top_k(sums / sizes, keep, self._blocks(mask))
        spread = tf.repeat(tf.repeat(blocks, self.inputs, axis=1), self.outputs, axis=2)
        *_, inputs, outputs = scores.shape
        return tf.reshape(spread[:, :inputs, :outputs], scores.shape)

    def kept_units(self, mask: tf.Tensor) -> int:
        """Returns the number of blocks with a weight in the mask."""
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

    The score of a channel is the Euclidean norm of its weights' scores; where several layers write the
    same channels (``groups.py``), over the weights of all of them.
    """

    unit = "channel"

    def num_units(self, shape: tuple[int, ...]) -> int:
        """Returns the number of channels."""
        return shape[-1]

    def select(self, scores: tf.Tensor, mask: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
        """Returns the mask of the channels with the highest norms."""
        axes = list(range(len(scores.shape) - 1))
        norms = tf.sqrt(tf.reduce_sum(tf.square(tf.cast(scores, tf.float32)), axes))
        return tf.broadcast_to(top_k(norms, keep, tf.reduce_any(mask, axes)), scores.shape)

    def kept_units(self, mask: tf.Tensor) -> int:
        """Returns the number of channels with a weight in the mask."""
        axes = list(range(len(mask.shape) - 1))
        return int(tf.math.count_nonzero(tf.reduce_any(tf.cast(mask, tf.bool), axes)))


class NofM(Unstructured):
    """2:4: of every 4 consecutive inputs of an output at least 2 are kept, exactly 2 at the final sparsity.

    Groups lie along the input channels, as in tfmot; a shorter last group keeps 2 as well. Before the final
    sparsity, the lowest scores are pruned first, but never a third weight of a group.
    """

    def min_units(self, shape: tuple[int, ...]) -> int:
        """Returns two weights for each group (one where a group has a single weight)."""
        *positions, inputs, outputs = shape
        whole, remainder = divmod(inputs, M_INPUTS)
        return math.prod(positions) * outputs * (whole * N_KEPT + min(remainder, N_KEPT))

    def select(self, scores: tf.Tensor, mask: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
        """Returns the mask of the two highest scores of each group, and the highest of the others."""
        top = self._top_of_groups(scores, mask)
        others = keep - tf.reduce_sum(tf.cast(top, tf.int32))
        return top | top_k(scores, others, mask & ~top)

    def _top_of_groups(self, scores: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        *_, inputs, outputs = scores.shape
        padding = [[0, 0], [0, -inputs % M_INPUTS], [0, 0]]
        values = tf.where(mask, tf.cast(scores, tf.float32), -1.0)
        values = tf.pad(tf.reshape(values, [-1, inputs, outputs]), padding, constant_values=-2.0)
        groups = tf.reshape(values, [values.shape[0], -1, M_INPUTS, outputs])
        ranks = tf.stack([_rank_in_group(groups, place) for place in range(M_INPUTS)], axis=2)
        top = tf.reshape(ranks < N_KEPT, [values.shape[0], -1, outputs])
        return tf.reshape(top[:, :inputs], scores.shape) & mask


def _rank_in_group(groups: tf.Tensor, place: int) -> tf.Tensor:
    """Returns how many of a group precede the one at ``place``; of equal values the earlier does."""
    value = groups[:, :, place : place + 1]
    earlier = tf.range(M_INPUTS)[:, None] < place
    before = (groups > value) | (tf.equal(groups, value) & earlier)
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
