"""When: the sparsity of a kernel at each gradient step, and the steps at which its mask changes."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

from tf_pruned_rl.errors import UserError

NEVER = -1
"""The step of the latest mask update before the first (tfmot's own initial value)."""


@tf_keras.utils.register_keras_serializable("tf_pruned_rl")
class CubicSparsity(tfmot.sparsity.keras.PolynomialDecay):
    """Gradual pruning along a cubic (the paper, equation 1), always ending on target.

    ``s_t = 0`` before ``begin_step``, ``s_F [1 - (1 - (t - t0) / (t1 - t0))^3]`` between, ``s_F``
    from ``end_step`` on. ``t`` is the number of gradient steps made.

    Masks are updated at ``begin_step``, ``begin_step + frequency``, ... and at ``end_step``, whatever
    the frequency; before and after that they do not change. tfmot's ``PolynomialDecay`` skips the
    last update, and misses its final sparsity, where the frequency does not divide the window.
    It can be used wherever tfmot takes a schedule.
    """

    def __init__(self, final_sparsity: float, begin_step: int, end_step: int, frequency: int = 1000) -> None:
        """Sets the schedule of one kernel.

        Args:
          final_sparsity: share of zeros at the end, in [0, 1).
          begin_step: gradient steps before the first update; at least 0.
          end_step: gradient steps before the last update; more than ``begin_step``.
          frequency: gradient steps between updates; at least 1.

        Raises:
          UserError: a value is out of range.
        """
        if not 0 <= final_sparsity < 1:
            raise UserError(
                f"sparsity is {final_sparsity}, but must be at least 0 and less than 1 (0.95 for 95 %)"
            )
        if not 0 <= begin_step < end_step:
            raise UserError(
                f"pruning would begin at gradient step {begin_step} and end at {end_step}: it must begin at "
                "0 or later and end after it begins; move the start or the end, or make the run longer"
            )
        if frequency < 1:
            raise UserError(
                f"masks would be updated every {frequency} gradient steps, but every 1 is the least"
            )
        super().__init__(0.0, final_sparsity, begin_step, end_step, power=3, frequency=frequency)

    def __call__(self, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what tfmot needs: (bool scalar: update now?, float32 scalar: sparsity now)."""
        step = tf.cast(step, tf.int64)
        due = tf.logical_and(step >= self.begin_step, tf.equal(self.latest_update(step), step))
        return due, tf.cast(self.sparsity(step), tf.float32)

    def sparsity(self, step: tf.Tensor) -> tf.Tensor:
        """Returns Eq. 1 at ``step`` (integer tensor) as a float64 tensor of the same shape."""
        progress = (tf.cast(step, tf.float64) - self.begin_step) / (self.end_step - self.begin_step)
        return self._cubic(tf.clip_by_value(progress, 0.0, 1.0))

    def sparsity_at(self, step: int | np.ndarray) -> np.ndarray:
        """Returns Eq. 1 at ``step`` in numpy float64."""
        progress = (np.asarray(step, np.float64) - self.begin_step) / (self.end_step - self.begin_step)
        return self._cubic(np.clip(progress, 0.0, 1.0))

    def masked_sparsity_at(self, step: int) -> float:
        """Returns the sparsity the mask has after ``step`` gradient steps: Eq. 1 at its latest update."""
        return float(self.sparsity_at(int(self.latest_update(tf.constant(step, tf.int64)))))

    def latest_update(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the last step, ``step`` included, at which masks are updated; ``NEVER`` before the first.

        Args:
          step: int64 tensor, gradient steps made.

        Returns:
          int64 tensor of the same shape.
        """
        on_grid = step - tf.math.floormod(step - self.begin_step, self.frequency)
        latest = tf.where(step >= self.end_step, tf.cast(self.end_step, tf.int64), on_grid)
        return tf.where(step < self.begin_step, tf.cast(NEVER, tf.int64), latest)

    def next_update(self, step: int) -> int | None:
        """Returns the first step after ``step`` at which masks are updated; None after the last.

        Args:
          step: gradient steps made.
        """
        if step >= self.end_step:
            return None
        updates_begun = (step - self.begin_step) // self.frequency + 1
        return min(self.begin_step + max(0, updates_begun) * self.frequency, self.end_step)

    def _cubic(self, progress):
        remaining = 1.0 - progress
        return self.final_sparsity * (1.0 - remaining * remaining * remaining)

    def get_config(self) -> dict[str, object]:
        """Returns {class_name, config}, the form in which tfmot's wrapper stores a schedule."""
        return {
            "class_name": tf_keras.utils.get_registered_name(type(self)),
            "config": {
                "final_sparsity": self.final_sparsity,
                "begin_step": self.begin_step,
                "end_step": self.end_step,
                "frequency": self.frequency,
            },
        }


@tf_keras.utils.register_keras_serializable("tf_pruned_rl")
class ConstantSparsity(CubicSparsity):
    """The final sparsity at every step, from the very start; masks are updated as by ``CubicSparsity``."""

    def masked_sparsity_at(self, step: int) -> float:
        """Returns the final sparsity."""
        del step
        return self.final_sparsity

    def _cubic(self, progress):
        return self.final_sparsity + 0.0 * progress
