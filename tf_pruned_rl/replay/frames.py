"""A ring of single frames in TensorFlow variables, out of which stacks and n-step returns are made."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_pruned_rl.environments.base import Screen
from tf_pruned_rl.replay.placement import in_main_memory
from tf_pruned_rl.runtime import muted_stderr

# Columns of a record. float32 holds every one exactly, and one variable means one scatter and one gather.
_ACTION, _REWARD, _END, _AGE = range(4)
RECORD_COLUMNS = 4
TERMINAL, TRUNCATION = 1.0, 2.0
"""What the end of an entry may be, beside 0."""


class Window(NamedTuple):
    """What the records say about B transitions of n steps."""

    actions: tf.Tensor
    """int32 [B]."""
    returns: tf.Tensor
    """float32 [B]."""
    discounts: tf.Tensor
    """float32 [B]."""
    ages: tf.Tensor
    """int64 [B]: agent steps since the episode began, at most the frames of a stack less one."""


class FrameRing:
    """Entries (frame, action, reward, end) of `num_envs` streams, each in its own block of rows.

    Entry i is (o_i, a_i, r_i, done_i): `done_i` says that a_i ended the episode (Dopamine's
    bookkeeping). All streams are written at once and share one cursor. Entry t of stream e lies in
    row ``e * length + t % length``; one more row of zeros stands for every frame before an
    episode's first, so that a stack is a plain gather.

    An entry can be sampled if the frames of its stack are still there, the entry n steps later exists, and
    no truncation comes before the first terminal of its n steps: a truncated episode would go on,
    but the frame after it is not stored.

    The frames are many gigabytes: every operation here touches single rows. Reading or slicing the
    whole variable would copy it.
    """

    def __init__(self, length: int, num_envs: int, n_step: int, gamma: float, screen: Screen):
        """Allocates the ring, whose memory is only claimed as it fills.

        Args:
          length: entries per stream.
          num_envs: streams.
          n_step: rewards summed, in agent steps.
          gamma: discount per agent step.
          screen: what a frame and a stack are.
        """
        self.length, self.num_envs, self.n_step, self.gamma = length, num_envs, n_step, gamma
        self.screen, self.stack = screen, screen.stack
        self.pixels = math.prod(screen.frame_shape)
        self._zero_row = length * num_envs
        self._first_rows = tf.range(num_envs, dtype=tf.int64) * length
        # `Empty` leaves the pages untouched, and as an initial value it becomes the variable
        # itself: zeros would cost the whole memory at once, numpy twice the memory.
        self.frames = tf.Variable(
            lambda: tf.raw_ops.Empty(shape=[self._zero_row + 1, self.pixels], dtype=tf.uint8),
            trainable=False,
            name="frames",
        )
        self.frames.scatter_update(tf.IndexedSlices(tf.zeros([1, self.pixels], tf.uint8), [self._zero_row]))
        self.records = tf.Variable(
            tf.zeros([self._zero_row, RECORD_COLUMNS]), trainable=False, name="records"
        )
        self.ages = tf.Variable(tf.zeros([num_envs]), trainable=False, name="ages")
        # XLA's transpose of bytes is over ten times faster than TensorFlow's own.
        self._interleave = tf.function(self._interleaved, jit_compile=True)
        with muted_stderr():  # XLA announces itself at its first use
            self._interleave(tf.zeros([1, self.stack + n_step, self.pixels], tf.uint8))
        self.written = tf.Variable(0, dtype=tf.int64, trainable=False, name="written")

    @property
    def storage(self) -> tf.Variable:
        """The large variable, [rows, columns]: saved in segments."""
        return self.frames

    def small_variables(self) -> dict[str, tf.Variable]:
        """Returns the other variables, by name."""
        return {"records": self.records, "ages": self.ages, "written": self.written}

    def rows(self, steps: tf.Tensor, streams: tf.Tensor) -> tf.Tensor:
        """Returns the int64 rows of entries `steps` (counted from the run's start) of `streams`."""
        return streams * self.length + tf.math.floormod(steps, self.length)

    def rows_of_step(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the int64 [num_envs] rows of entry `step` of every stream."""
        return self._first_rows + tf.math.floormod(step, self.length)

    def rows_of_steps(self, steps: tf.Tensor) -> tf.Tensor:
        """Returns the int64 [num_envs, S] rows of entries `steps` (int64 [S]) of every stream."""
        return self._first_rows[:, None] + tf.math.floormod(steps, self.length)

    def following(self, rows: tf.Tensor, offsets: range) -> tf.Tensor:
        """Returns the rows `offsets` entries after each of `rows`, around the seam: [B, offsets]."""
        position = tf.math.floormod(rows, self.length)
        moved = tf.math.floormod(position[:, None] + tf.constant(list(offsets), tf.int64), self.length)
        return (rows - position)[:, None] + moved

    def bounds(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the first entry with its whole stack, and one past the last with its n-step successor.

        Both count from the run's start. Of the oldest entries the frames before are overwritten.
        """
        written = self.written.read_value()
        return tf.maximum(written - self.length + self.stack - 1, 0), written - self.n_step

    def write(
        self,
        frames: tf.Tensor,
        actions: tf.Tensor,
        rewards: tf.Tensor,
        terminals: tf.Tensor,
        truncations: tf.Tensor,
    ) -> tf.Tensor:
        """Writes one entry per stream over the oldest; returns their step, int64 scalar."""
        step = self.written.read_value()
        rows = self.rows_of_step(step)
        ends = tf.where(terminals, TERMINAL, tf.where(truncations, TRUNCATION, 0.0))
        ages = self.ages.read_value()
        record = tf.stack([tf.cast(actions, tf.float32), rewards, ends, ages], axis=1)
        self.frames.scatter_update(tf.IndexedSlices(tf.reshape(frames, [self.num_envs, self.pixels]), rows))
        self.records.scatter_update(tf.IndexedSlices(record, rows))
        self.ages.assign(tf.where(ends > 0.0, 0.0, tf.minimum(ages + 1.0, self.stack - 1.0)))
        self.written.assign_add(1)
        return step

    @in_main_memory
    def write_block(self, step: int, frames: np.ndarray, records: np.ndarray) -> None:
        """Writes entries of the only stream, outside a graph; none comes after them yet.

        Args:
          step: of the first.
          frames: uint8 [n, pixels], n at most the length.
          records: float32 [n, RECORD_COLUMNS]: action, reward, end, age.
        """
        rows = (step + np.arange(len(frames))) % self.length
        self.frames.scatter_update(tf.IndexedSlices(tf.constant(frames), rows))
        self.records.scatter_update(tf.IndexedSlices(tf.constant(records), rows))
        self.written.assign(step + len(frames))

    def _ends(self, records: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns float32 [B, n]: 1 up to and including the first terminal, then 0; and 1 at terminals."""
        terminal = tf.cast(tf.equal(records[:, :, _END], TERMINAL), tf.float32)
        return tf.math.cumprod(1.0 - terminal, axis=1, exclusive=True), terminal

    def is_cut(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns bool [B]: whether a truncation comes before the first terminal of the n steps."""
        return self._cut(self.following(rows, range(self.n_step)))

    def step_is_cut(self, step: tf.Tensor) -> tf.Tensor:
        """Returns ``is_cut`` of entry `step` of every stream, bool [num_envs], by fewer operations."""
        return self._cut(self.rows_of_steps(step + tf.range(self.n_step, dtype=tf.int64)))

    def _cut(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns whether the first end among the entries in each line of `rows` (int64 [B, n]) cuts it."""
        ends = self.records.sparse_read(rows)[:, :, _END]
        first = tf.argmax(ends > 0.0, axis=1)
        return tf.equal(tf.gather(ends, first, axis=1, batch_dims=1), TRUNCATION)

    def window(self, rows: tf.Tensor) -> Window:
        """Returns the action, n-step return, discount and age of the entries in `rows` (int64 [B])."""
        records = self.records.sparse_read(self.following(rows, range(self.n_step)))
        going, terminal = self._ends(records)
        powers = tf.constant([self.gamma**k for k in range(self.n_step)], tf.float32)
        alive = going[:, -1] * (1.0 - terminal[:, -1])
        return Window(
            actions=tf.cast(records[:, 0, _ACTION], tf.int32),
            returns=tf.reduce_sum(going * records[:, :, _REWARD] * powers, axis=1),
            discounts=alive * self.gamma**self.n_step,
            ages=tf.cast(records[:, 0, _AGE], tf.int64),
        )

    def stacks(self, rows: tf.Tensor, ages: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the stacks at `rows` and n entries later, uint8 [B, *screen.observation_shape] each.

        Args:
          rows: int64 [B].
          ages: int64 [B], steps since the episode began: older frames are zeros.
        """
        offsets = range(1 - self.stack, self.n_step + 1)
        gathered = self.following(rows, offsets)
        before_episode = tf.constant(list(offsets), tf.int64) < -ages[:, None]
        gathered = tf.where(before_episode, tf.constant(self._zero_row, tf.int64), gathered)
        return self._interleave(self.frames.sparse_read(gathered))

    def _interleaved(self, frames: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Turns uint8 [B, stack + n, pixels] into the first and the last stack, frames beside channels."""
        channels, shape = self.screen.channels, [-1, *self.screen.observation_shape]

        def join(part: tf.Tensor) -> tf.Tensor:
            cells = tf.reshape(part, [-1, self.stack, self.pixels // channels, channels])
            return tf.reshape(tf.transpose(cells, [0, 2, 1, 3]), shape)

        return join(frames[:, : self.stack]), join(frames[:, -self.stack :])
