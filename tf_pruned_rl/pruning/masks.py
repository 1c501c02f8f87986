"""Where the masks live: tfmot's wrapper around each layer, and what it holds for one kernel."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

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


def zero_outside(weights: tf.Variable, mask: tf.Variable) -> None:
    """Sets the weights outside the mask to 0."""
    # A plain product would leave -0.0 for negative weights: equal to zero, but not to compression.
    weights.assign(tf.math.multiply_no_nan(weights, mask))
