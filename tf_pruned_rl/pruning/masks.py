"""Where the masks live: tfmot's wrapper around each layer, and what it holds for one kernel."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

from tf_pruned_rl.pruning.bundles import Bundle
from tf_pruned_rl.pruning.criterion import weights_to_keep
from tf_pruned_rl.pruning.kernels import Kernel
from tf_pruned_rl.pruning.schedule import CubicSparsity


@dataclasses.dataclass(frozen=True, eq=False)
class Masked:
    """A kernel, and what its tfmot wrapper holds for it."""

    kernel: Kernel
    schedule: CubicSparsity
    wrapper: tf_keras.layers.Wrapper
    mask: tf.Variable
    threshold: tf.Variable


@dataclasses.dataclass(frozen=True, eq=False)
class MaskedBundle:
    """Kernels that are pruned as one, with their masks."""

    bundle: Bundle
    masked: tuple[Masked, ...]

    @property
    def schedule(self) -> CubicSparsity:
        """The schedule of every kernel of it."""
        return self.masked[0].schedule

    def mask(self) -> tf.Tensor:
        """Returns the masks as one, bool of the bundle's shape."""
        return self.bundle.join([one.mask > 0 for one in self.masked])

    def variables(self) -> list[tuple[tf.Variable, Callable[[], tf.Tensor]]]:
        """Returns (variable, what gives its mask) of the kernels, and of biases that go with a channel."""
        kernels = [(one.kernel.variable, one.mask.read_value) for one in self.masked]
        # Any row will do: a channel is there in all of them or in none.
        first = self.masked[0].mask
        return [
            *kernels,
            *((bias, lambda: tf.reshape(first, [-1, first.shape[-1]])[0]) for bias in self.bundle.biases),
        ]

    def zero(self) -> None:
        """Sets what lies outside the masks to 0."""
        for variable, mask in self.variables():
            zero_outside(variable, mask())

    def units_to_keep(self, sparsity: tf.Tensor) -> tf.Tensor:
        """Returns how many units stay at a sparsity (float64 scalar), an int32 scalar."""
        return tf.maximum(weights_to_keep(self.bundle.units, sparsity), self.bundle.least)

    def assign(self, mask: tf.Tensor, step: tf.Tensor) -> None:
        """Makes ``mask`` (bool, of the bundle's shape) the masks as of gradient step ``step``."""
        for one, part in zip(self.masked, self.bundle.split(mask), strict=True):
            kernel = one.kernel.variable
            smallest = tf.reduce_min(tf.where(part, tf.abs(kernel), kernel.dtype.max))
            one.mask.assign(tf.cast(part, one.mask.dtype))
            one.threshold.assign(tf.cast(smallest, one.threshold.dtype))
            one.wrapper.pruning_step.assign(step)
        self.zero()

    def check(self, step: int) -> tuple[int, float]:
        """Returns the number of units kept, and the one due, after ``step`` gradient steps.

        Raises:
          RuntimeError: a weight outside its mask is not zero.
        """
        for variable, mask in self.variables():
            stray = np.count_nonzero(variable.numpy()[mask().numpy() == 0])
            if stray:
                raise RuntimeError(
                    f"{self.bundle.name}: {stray} of its pruned weights are not zero at gradient step {step}"
                )
        due = self.bundle.units * (1 - self.schedule.masked_sparsity_at(step))
        return self.bundle.structure.kept(self.mask()), max(due, self.bundle.least)


def wrap_bundles(
    planned: Sequence[Bundle], shares: dict[str, float], schedule: Callable[[float], CubicSparsity]
) -> list[MaskedBundle]:
    """Wraps the kernels of one network's bundles, and returns these with their masks.

    Args:
      planned: the bundles.
      shares: {kernel: its final sparsity if it were pruned by itself}.
      schedule: makes that of a bundle from its final sparsity.
    """
    schedules = {
        kernel.name: schedule(bundle.share(shares)) for bundle in planned for kernel in bundle.kernels
    }
    wrapped = wrap([kernel for bundle in planned for kernel in bundle.kernels], schedules)
    masked = {one.kernel: one for one in wrapped}
    return [MaskedBundle(bundle, tuple(masked[kernel] for kernel in bundle.kernels)) for bundle in planned]


def wrap(found: Sequence[Kernel], schedules: Mapping[str, CubicSparsity]) -> list[Masked]:
    """Wraps each kernel's layer, once, without touching the network it is in."""
    wrappers: dict[int, tf_keras.layers.Wrapper] = {}
    masked = []
    for kernel in found:
        wrapper = wrappers.get(id(kernel.layer))
        if wrapper is None:
            wrapper = tfmot.sparsity.keras.prune_low_magnitude(
                kernel.layer, pruning_schedule=schedules[kernel.name]
            )
            wrapper.build(kernel.layer.get_build_config()["input_shape"])
            wrappers[id(kernel.layer)] = wrapper
        mask, threshold = next(held[1:] for held in wrapper.pruning_vars if held[0] is kernel.variable)
        masked.append(Masked(kernel, schedules[kernel.name], wrapper, mask, threshold))
    return masked


def state(masked: Sequence[Masked]) -> dict[str, tf.Variable]:
    """Returns {name: variable} of all masks, thresholds and steps, for a checkpoint."""
    state: dict[str, tf.Variable] = {}
    for one in masked:
        state[f"pruning/{one.kernel.name}/mask"] = one.mask
        state[f"pruning/{one.kernel.name}/threshold"] = one.threshold
        state[f"pruning/{one.kernel.name}/step"] = one.wrapper.pruning_step
    return state


def zero_outside(weights: tf.Variable, mask: tf.Tensor) -> None:
    """Sets the weights outside the mask to 0."""
    # A plain product would leave -0.0 for negative weights: equal to zero, but not to compression.
    weights.assign(tf.math.multiply_no_nan(weights, mask))
