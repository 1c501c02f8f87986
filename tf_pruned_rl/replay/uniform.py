"""Uniform sampling: every entry that can be sampled is as likely as any other."""

from __future__ import annotations

import tensorflow as tf

from tf_pruned_rl.replay.frames import FrameRing

_REDRAWS = 100
"""Rounds of drawing again; only a replay of almost nothing but cut windows needs more than a few."""


class UniformSampler:
    """Draws with replacement, and draws again where a truncation cuts the n steps."""

    def __init__(self, ring: FrameRing, generator: tf.random.Generator):
        self._ring, self._generator = ring, generator

    def variables(self) -> dict[str, tf.Variable]:
        """Returns the variables that make up the sampler's state: none."""
        return {}

    def added(self, step: tf.Tensor) -> None:
        """Does nothing: what can be sampled follows from the ring."""
        del step

    def draw(self, batch_size: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns rows (int64 [B]) and probabilities (float32 [B], all 1)."""
        first, end = self._ring.bounds()
        per_stream = end - first
        entries = per_stream * self._ring.num_envs
        tf.debugging.assert_positive(entries, "the replay holds no transition yet")

        def draw() -> tf.Tensor:
            number = self._generator.uniform([batch_size], 0, entries, tf.int64)
            return self._ring.rows(first + number % per_stream, number // per_stream)

        def redraw(rows: tf.Tensor, cut: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            rows = tf.where(cut, draw(), rows)
            return rows, self._ring.is_cut(rows)

        rows = draw()
        rows, cut = tf.while_loop(
            lambda _, cut: tf.reduce_any(cut),
            redraw,
            (rows, self._ring.is_cut(rows)),
            maximum_iterations=_REDRAWS,
        )
        tf.debugging.Assert(~tf.reduce_any(cut), ["every transition in the replay is cut by a truncation"])
        return rows, tf.ones([batch_size])

    def weights(self, probabilities: tf.Tensor) -> tf.Tensor:
        """Returns ones, float32 [B]."""
        return tf.ones_like(probabilities)

    def update(self, indices: tf.Tensor, losses: tf.Tensor, added: int = 0) -> None:
        """Does nothing: losses do not change the chances."""
        del indices, losses, added
