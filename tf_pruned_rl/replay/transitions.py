"""A replay of transitions between vectors: continuous control's counterpart of the frame replay."""

from __future__ import annotations

import tensorflow as tf

from tf_pruned_rl.replay.batch import Batch
from tf_pruned_rl.replay.buffer import Replay
from tf_pruned_rl.replay.placement import in_main_memory
from tf_pruned_rl.replay.uniform import UniformSampler

# What lies between an entry and the one after it.
_GOES_ON, _TERMINAL, _INTERRUPTED, _FINAL = 0.0, 1.0, 2.0, 3.0
_SCALARS = 2
"""Columns of an entry beside observation and action: reward and end."""


def entry_bytes(observation_size: int, action_size: int) -> int:
    """Returns the bytes that one entry takes."""
    return 4 * (observation_size + action_size + _SCALARS)


class TransitionRing:
    """Entries (o_t, a_t, r_t, end_t) of ``num_envs`` streams, each in its own block of rows.

    Every observation is stored once: o_{t+1} is found in the next entry. Where that is not so, because
    an episode was cut and the next one begins with another observation, every stream gets one entry
    more, a *final observation*, that holds only the observation the step led to. (All streams share one
    cursor; for those that were not cut it is the same observation that their next entry holds.) So nothing
    has to be left out: a cut transition is sampled like any other, and n-step returns that meet a
    final observation bootstrap there, after fewer than n steps.

    Entry t of stream e lies in row ``e * length + t % length`` of one float32 variable.
    """

    def __init__(
        self, length: int, num_envs: int, n_step: int, gamma: float, observation_size: int, action_size: int
    ):
        """Allocates the ring, whose memory is only claimed as it fills.

        Args:
          length: entries per stream.
          num_envs: streams.
          n_step: rewards summed, in environment steps.
          gamma: discount per environment step.
          observation_size: numbers in an observation, D.
          action_size: numbers in an action, A.
        """
        self.length, self.num_envs, self.n_step, self.gamma = length, num_envs, n_step, gamma
        self.observation_size, self.action_size = observation_size, action_size
        self._reward = observation_size + action_size
        self._end = self._reward + 1
        self.columns = observation_size + action_size + _SCALARS
        self._first_rows = tf.range(num_envs, dtype=tf.int64) * length
        # As in FrameRing: `Empty` leaves the pages untouched, and becomes the variable itself.
        self.entries = tf.Variable(
            lambda: tf.raw_ops.Empty(shape=[length * num_envs, self.columns], dtype=tf.float32),
            trainable=False,
            name="entries",
        )
        self.written = tf.Variable(0, dtype=tf.int64, trainable=False, name="written")

    @property
    def storage(self) -> tf.Variable:
        """The large variable, [rows, columns]: saved in segments."""
        return self.entries

    def small_variables(self) -> dict[str, tf.Variable]:
        """Returns the other variables, by name."""
        return {"written": self.written}

    def rows(self, steps: tf.Tensor, streams: tf.Tensor) -> tf.Tensor:
        """Returns the int64 rows of entries ``steps`` (counted from the run's start) of ``streams``."""
        return streams * self.length + tf.math.floormod(steps, self.length)

    def bounds(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the oldest entry, and one past the last whose n-step successor is there."""
        written = self.written.read_value()
        return tf.maximum(written - self.length, 0), written - self.n_step

    def is_cut(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns bool [B]: whether the entry is a final observation, from which nothing was done."""
        ends = self.entries.gather_nd(
            tf.stack([rows, tf.fill(rows.shape, tf.constant(self._end, tf.int64))], 1)
        )
        return tf.equal(ends, _FINAL)

    def write(
        self,
        observations: tf.Tensor,
        actions: tf.Tensor,
        rewards: tf.Tensor,
        terminals: tf.Tensor,
        truncations: tf.Tensor,
        final_observations: tf.Tensor,
    ) -> tf.Tensor:
        """Writes one entry per stream over the oldest, two where any is cut; returns the step of the last."""
        cut = tf.reduce_any(truncations)
        going = tf.where(cut, _INTERRUPTED, _GOES_ON)
        ends = tf.where(terminals, _TERMINAL, going)
        self._append(tf.concat([observations, actions, rewards[:, None], ends[:, None]], axis=1))

        def add_final() -> bool:
            nothing = tf.zeros([self.num_envs, self.action_size + 1])
            self._append(
                tf.concat([final_observations, nothing, tf.fill([self.num_envs, 1], _FINAL)], axis=1)
            )
            return True

        tf.cond(cut, add_final, lambda: False)
        return self.written.read_value() - 1

    def _append(self, entries: tf.Tensor) -> None:
        rows = self._first_rows + tf.math.floormod(self.written.read_value(), self.length)
        self.entries.scatter_update(tf.IndexedSlices(entries, rows))
        with tf.control_dependencies([entries]):  # what an environment failed to give is not counted
            self.written.assign_add(1)

    def window(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the first five fields of the ``Batch`` of the entries in ``rows`` (int64 [B])."""
        position = tf.math.floormod(rows, self.length)
        offsets = tf.range(self.n_step + 1, dtype=tf.int64)
        gathered = (rows - position)[:, None] + tf.math.floormod(position[:, None] + offsets, self.length)
        entries = self.entries.sparse_read(gathered)
        first, ends = entries[:, 0], entries[:, : self.n_step, self._end]
        rewards = entries[:, : self.n_step, self._reward]
        observations = first[:, : self.observation_size]
        actions = first[:, self.observation_size : self._reward]
        if self.n_step == 1:
            alive = tf.where(tf.equal(ends[:, 0], _TERMINAL), 0.0, self.gamma)
            return observations, actions, rewards[:, 0], alive, entries[:, 1, : self.observation_size]
        # going[k]: 1 as long as no end lies before step k of the window.
        going = tf.math.cumprod(tf.cast(tf.equal(ends, _GOES_ON), tf.float32), axis=1, exclusive=True)
        steps = tf.reduce_sum(going, axis=1)
        powers = tf.constant([self.gamma**k for k in range(self.n_step)], tf.float32)
        terminal = tf.reduce_sum(going * tf.cast(tf.equal(ends, _TERMINAL), tf.float32), axis=1)
        following = tf.gather(entries, tf.cast(steps, tf.int32), axis=1, batch_dims=1)
        return (
            observations,
            actions,
            tf.reduce_sum(going * rewards * powers, axis=1),
            tf.pow(self.gamma, steps) * (1.0 - terminal),
            following[:, : self.observation_size],
        )


class TransitionReplay(Replay):
    """Stores observations once, returns n-step transitions. Sampling is uniform."""

    @in_main_memory
    def __init__(
        self,
        capacity: int,
        observation_size: int,
        action_size: int,
        *,
        batch_size: int = 256,
        num_envs: int = 1,
        n_step: int = 1,
        gamma: float = 0.99,
        seed: int = 0,
    ):
        """Makes an empty replay.

        Args:
          capacity: entries kept over all streams; rounded down to whole vector steps.
          observation_size: numbers in an observation, D.
          action_size: numbers in an action, A.
          batch_size: transitions per sample.
          num_envs: streams, kept apart.
          n_step: rewards summed before bootstrapping.
          gamma: discount per environment step.
          seed: of the draws.

        Raises:
          UserError: a capacity too small for a single transition.
        """
        length = self.stream_length(capacity, num_envs, n_step, shortest=n_step + 2)
        ring = TransitionRing(length, num_envs, n_step, gamma, observation_size, action_size)
        super().__init__(ring, UniformSampler, batch_size=batch_size, seed=seed)

    @in_main_memory
    def add(
        self,
        observations: tf.Tensor,
        actions: tf.Tensor,
        rewards: tf.Tensor,
        terminals: tf.Tensor,
        truncations: tf.Tensor,
        final_observations: tf.Tensor,
    ) -> None:
        """Adds one step of every stream.

        Args:
          observations: float32 [N, D], acted on.
          actions: float32 [N, A], the actions taken there.
          rewards: float32 [N], that followed.
          terminals: bool [N], whether the action ended the episode.
          truncations: bool [N], whether the episode was cut after it; never where terminal.
          final_observations: float32 [N, D], what the step led to, also where the episode ended.
        """
        self.sampler.added(
            self.ring.write(observations, actions, rewards, terminals, truncations, final_observations)
        )

    @in_main_memory
    def batch(self, rows: tf.Tensor, probabilities: tf.Tensor) -> Batch:
        """Returns the transitions of entries; see ``Replay``."""
        observations, actions, returns, discounts, following = self.ring.window(rows)
        return Batch(observations, actions, returns, discounts, following, rows, probabilities)
