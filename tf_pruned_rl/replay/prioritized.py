"""Prioritized sampling (Schaul et al., 2016) with a sum tree, as in Dopamine at the paper's time."""

from __future__ import annotations

import tensorflow as tf

from tf_pruned_rl.replay.frames import FrameRing

FAN_OUT = 128
"""Children per node: three levels for a million leaves, and few, wide operations."""


def level_sizes(leaves: int) -> list[int]:
    """Returns the number of nodes of every level, from the parents of the leaves to the root.

    >>> level_sizes(1_000_000)
    [7813, 62, 1]
    """
    sizes = [-(-leaves // FAN_OUT)]
    while sizes[-1] > 1:
        sizes.append(-(-sizes[-1] // FAN_OUT))
    return sizes


class SumTree:
    """Non-negative float64 leaves and their sums.

    Level k is a variable [nodes, FAN_OUT]: each row holds a node's children. A node's sum is always
    computed anew from its children, so it never drifts away from them; float64, because in float32
    the remainder that chooses the leaf would keep only a few bits of a large total.
    """

    def __init__(self, leaves: int):
        self.levels = [
            tf.Variable(tf.zeros([nodes, FAN_OUT], tf.float64), trainable=False, name=f"tree_{k}")
            for k, nodes in enumerate(level_sizes(leaves))
        ]

    def total(self) -> tf.Tensor:
        """Returns the sum of all leaves, float64 scalar."""
        return tf.reduce_sum(self.levels[-1])

    def get(self, leaves: tf.Tensor) -> tf.Tensor:
        """Returns the float64 [B] values of `leaves` (int64 [B])."""
        return self.levels[0].gather_nd(self._place(leaves))

    def set(self, leaves: tf.Tensor, values: tf.Tensor) -> None:
        """Sets `leaves` (int64 [B]) to `values` (float64 [B]); the same leaf must have the same value."""
        for level in self.levels[:-1]:
            level.scatter_nd_update(self._place(leaves), values)
            leaves = leaves // FAN_OUT
            values = tf.reduce_sum(level.sparse_read(leaves), axis=1)
        self.levels[-1].scatter_nd_update(self._place(leaves), values)

    def find(self, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the leaf below which `targets` (float64 [B], in [0, total)) fall, and its value.

        Leaf i covers [sum of the leaves before it, that + its value); a leaf of value 0 is never found.
        """
        node = tf.zeros(tf.shape(targets), tf.int64)
        for level in reversed(self.levels):
            children = level.sparse_read(node)
            ends = tf.cumsum(children, axis=1)
            # The sum kept above and the last of `ends` may differ in the last bits.
            targets = tf.minimum(targets, ends[:, -1] * (1.0 - 1e-12))
            # The first end above the target: `ends` only grows at children above 0.
            child = tf.searchsorted(ends, targets[:, None], side="right", out_type=tf.int64)[:, 0]
            value = tf.gather(children, child, axis=1, batch_dims=1)
            targets = tf.maximum(targets - (tf.gather(ends, child, axis=1, batch_dims=1) - value), 0.0)
            node = node * FAN_OUT + child
        return node, value

    def _place(self, leaves: tf.Tensor) -> tf.Tensor:
        return tf.stack([leaves // FAN_OUT, leaves % FAN_OUT], axis=1)


class PrioritizedSampler:
    """Draws in proportion to the priorities, one draw from each of B equal shares of their sum.

    A leaf is above 0 exactly while its entry can be sampled, so no draw is ever repeated.
    """

    def __init__(self, ring: FrameRing, generator: tf.random.Generator):
        self._ring, self._generator = ring, generator
        self.tree = SumTree(ring.length * ring.num_envs)
        self.max_priority = tf.Variable(1.0, dtype=tf.float64, trainable=False, name="max_priority")

    def variables(self) -> dict[str, tf.Variable]:
        """Returns the variables that make up the sampler's state."""
        return {"max_priority": self.max_priority, **{f"tree_{k}": v for k, v in enumerate(self.tree.levels)}}

    def added(self, step: tf.Tensor) -> None:
        """Follows the write of entry `step` (int64 scalar) of every stream.

        The entry n steps before it has become whole and gets the largest priority ever recorded, or
        0 if a truncation cuts it; the entry whose oldest frame the next write will take gets 0.
        """
        ring = self._ring
        unusable = ring.step_is_cut(step - ring.n_step) | (step < ring.n_step)
        priorities = tf.where(unusable, tf.constant(0.0, tf.float64), self.max_priority)
        rows = ring.rows_of_steps(step + tf.constant([-ring.n_step, ring.stack - 1], tf.int64))
        values = tf.stack([priorities, tf.zeros_like(priorities)], axis=1)
        self.tree.set(tf.reshape(rows, [-1]), tf.reshape(values, [-1]))

    def draw(self, batch_size: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns rows (int64 [B]) and their priorities (float32 [B])."""
        total = self.tree.total()
        tf.debugging.assert_positive(total, "the replay holds no transition yet")
        share = tf.range(batch_size, dtype=tf.float64) + self._generator.uniform(
            [batch_size], dtype=tf.float64
        )
        rows, priorities = self.tree.find(share * (total / batch_size))
        return rows, tf.cast(priorities, tf.float32)

    def weights(self, probabilities: tf.Tensor) -> tf.Tensor:
        """Returns importance weights (P + 1e-10)^(-1/2) over their largest, float32 [B].

        The exponent is a constant 1/2, without annealing, as in Dopamine's Rainbow.
        """
        weights = tf.math.rsqrt(probabilities + 1e-10)
        return weights / tf.reduce_max(weights)

    def update(self, indices: tf.Tensor, losses: tf.Tensor, added: int = 0) -> None:
        """Sets the priorities of `indices` (int64 [B]) to sqrt(loss + 1e-10).

        An entry drawn twice gets the larger of its two; one that can no longer be sampled stays at 0, and
        one that is newer than the draw, ``added`` writes ago, stays as it is.
        """
        priorities = tf.sqrt(tf.cast(losses, tf.float64) + 1e-10)
        self.max_priority.assign(tf.maximum(self.max_priority, tf.reduce_max(priorities)))
        same = tf.equal(indices[:, None], indices[None, :])
        priorities = tf.reduce_max(tf.where(same, priorities[None, :], tf.constant(0.0, tf.float64)), axis=1)
        current = self.tree.get(indices)
        # Entries that can be sampled are so far from the write head that few writes reach none of them.
        if added > self._ring.n_step + self._ring.stack - 1:
            age = tf.math.floormod(self._ring.written - 1 - indices, self._ring.length)
            priorities = tf.where(age < added, current, priorities)
        self.tree.set(indices, tf.where(current > 0.0, priorities, tf.constant(0.0, tf.float64)))
