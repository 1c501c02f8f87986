"""The masks: variables of tfmot's wrappers around the layers, and what they do to the weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

from tf_pruned_rl.pruning.criterion import number_to_keep
from tf_pruned_rl.pruning.groups import KernelGroup
from tf_pruned_rl.pruning.kernels import Kernel
from tf_pruned_rl.pruning.schedule import CubicSparsity

ReadMask = Callable[[], tf.Tensor]
"""Returns the current mask of a variable, shaped like it: 1 where a weight is kept, 0 elsewhere."""


def apply_mask(weights: tf.Variable, mask: tf.Tensor) -> None:
    """Sets the weights outside the mask to 0."""
    # A plain product would give -0.0 for negative weights: equal to zero, but not for compression.
    weights.assign(tf.math.multiply_no_nan(weights, mask))


@dataclasses.dataclass(frozen=True, eq=False)
class MaskedKernel:
    """A kernel, and the variables of its tfmot wrapper."""

    kernel: Kernel
    schedule: CubicSparsity
    wrapper: tf_keras.layers.Wrapper
    mask: tf.Variable
    threshold: tf.Variable


@dataclasses.dataclass(frozen=True, eq=False)
class MaskedGroup:
    """Kernels that are pruned together, with their masks."""

    group: KernelGroup
    masked: tuple[MaskedKernel, ...]

    @property
    def name(self) -> str:
        """The names of the kernels."""
        return self.group.name

    @property
    def schedule(self) -> CubicSparsity:
        """The schedule of every kernel of the group."""
        return self.masked[0].schedule

    def mask(self) -> tf.Tensor:
        """Returns the masks as one, bool of the group's shape."""
        return self.group.join([masked.mask > 0 for masked in self.masked])

    def variables(self) -> list[tuple[tf.Variable, ReadMask]]:
        """Returns (variable, its mask) of the kernels, and of biases that are pruned with channels."""
        kernels = [(masked.kernel.variable, masked.mask.read_value) for masked in self.masked]
        # Any row will do: a channel is kept in all rows or in none.
        first = self.masked[0].mask
        return [
            *kernels,
            *((bias, lambda: tf.reshape(first, [-1, first.shape[-1]])[0]) for bias in self.group.biases),
        ]

    def apply(self) -> None:
        """Sets what lies outside the masks to 0."""
        for variable, mask in self.variables():
            apply_mask(variable, mask())

    def units_to_keep(self, sparsity: tf.Tensor) -> tf.Tensor:
        """Returns the number of units to keep at a sparsity (float64 scalar), an int32 scalar."""
        return tf.maximum(number_to_keep(self.group.num_units, sparsity), self.group.min_units)

    def assign(self, mask: tf.Tensor, step: tf.Tensor) -> None:
        """Sets the masks to ``mask`` (bool, of the group's shape), as of gradient step ``step``."""
        for masked, part in zip(self.masked, self.group.split(mask), strict=True):
            kernel = masked.kernel.variable
            smallest = tf.reduce_min(tf.where(part, tf.abs(kernel), kernel.dtype.max))
            masked.mask.assign(tf.cast(part, masked.mask.dtype))
            masked.threshold.assign(tf.cast(smallest, masked.threshold.dtype))
            masked.wrapper.pruning_step.assign(step)
        self.apply()

    def check(self, step: int) -> tuple[int, float]:
        """Returns the number of units kept, and the scheduled one, after ``step`` gradient steps.

        Raises:
          RuntimeError: a weight outside its mask is not zero.
        """
        for variable, mask in self.variables():
            stray = np.count_nonzero(variable.numpy()[mask().numpy() == 0])
            if stray:
                raise RuntimeError(
                    f"{self.name}: {stray} of its pruned weights are not zero at gradient step {step}"
                )
        scheduled = self.group.num_units * (1 - self.schedule.masked_sparsity_at(step))
        return self.group.structure.kept_units(self.mask()), max(scheduled, self.group.min_units)


def wrap_groups(
    groups: Sequence[KernelGroup],
    sparsities: Mapping[str, float],
    schedule: Callable[[float], CubicSparsity],
) -> list[MaskedGroup]:
    """Wraps the kernels of one network's groups, and returns the groups with their masks.

    Args:
      groups: the groups.
      sparsities: {kernel: its final sparsity if it were pruned alone}.
      schedule: returns the schedule for a final sparsity.
    """
    schedules = {
        kernel.name: schedule(group.sparsity(sparsities)) for group in groups for kernel in group.kernels
    }
    masked = wrap([kernel for group in groups for kernel in group.kernels], schedules)
    masked_of = {each.kernel: each for each in masked}
    return [MaskedGroup(group, tuple(masked_of[kernel] for kernel in group.kernels)) for group in groups]


def wrap(kernels: Sequence[Kernel], schedules: Mapping[str, CubicSparsity]) -> list[MaskedKernel]:
    """Wraps each kernel's layer, once, and leaves the network as it is.

    Args:
      kernels: the kernels.
      schedules: {name of a kernel: its schedule}.
    """
    wrappers: dict[int, tf_keras.layers.Wrapper] = {}
    masked = []
    for kernel in kernels:
        wrapper = wrappers.get(id(kernel.layer))
        if wrapper is None:
            wrapper = tfmot.sparsity.keras.prune_low_magnitude(
                kernel.layer, pruning_schedule=schedules[kernel.name]
            )
            wrapper.build(kernel.layer.get_build_config()["input_shape"])
            wrappers[id(kernel.layer)] = wrapper
        mask, threshold = next(held[1:] for held in wrapper.pruning_vars if held[0] is kernel.variable)
        masked.append(MaskedKernel(kernel, schedules[kernel.name], wrapper, mask, threshold))
    return masked


def state(masked: Sequence[MaskedKernel]) -> dict[str, tf.Variable]:
    """Returns {name: variable} of all masks, thresholds and steps, for a checkpoint."""
    variables: dict[str, tf.Variable] = {}
    for each in masked:
        prefix = f"pruning/{each.kernel.name}"
        variables[f"{prefix}/mask"] = each.mask
        variables[f"{prefix}/threshold"] = each.threshold
        variables[f"{prefix}/step"] = each.wrapper.pruning_step
    return variables


def check_schedule(groups: Sequence[MaskedGroup], step: int, *, pooled: bool) -> None:
    """Checks one network's masks after ``step`` gradient steps.

    Args:
      groups: the network's groups.
      step: gradient steps made so far.
      pooled: whether the weights of all kernels compete: only their sum is on the schedule then.

    Raises:
      RuntimeError: a weight outside its mask is not zero, or a mask is more than one unit off the
        schedule.
    """
    counts = [group.check(step) for group in groups]
    for group, (kept, scheduled) in zip(groups, counts, strict=True):
        if not pooled and abs(kept - scheduled) > 1:
            raise RuntimeError(
                f"{group.name}: its mask keeps {kept} {group.group.structure.unit}s at gradient step {step}, "
                f"but the schedule {scheduled:.1f}"
            )
    kept, scheduled = (sum(numbers) for numbers in zip(*counts, strict=True))
    if abs(kept - scheduled) > len(groups):
        raise RuntimeError(
            f"the masks keep {kept} weights at gradient step {step}, but the schedule {scheduled:.1f}"
        )
