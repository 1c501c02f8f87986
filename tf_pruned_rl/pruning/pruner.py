"""The pruner: one object that the train step calls after every gradient step.

How it meshes with tfmot. Each layer is wrapped with ``prune_low_magnitude`` under our schedule; the
wrapper owns the mask, the threshold and the step of the latest update (``pruning_step``), and its
``layer`` is the network's own. The network itself is left as it is: it is the *twin* on which
everything runs, its kernels are exactly sparse after every call, and there is nothing to strip
before it is copied, saved or exported. The wrappers are never called.

The masks are not computed by tfmot: it works in float32, so that large kernels are off by a weight;
it keeps ties, so that equal weights stay dense; and it sorts the whole kernel. ``criterion.py``
keeps an exact number, and the result is assigned to tfmot's variables.

Steps. ``step`` is the number of gradient steps made so far: 1 after the first. An update at step t
sees the weights after t gradient steps. That is what JaxPruner sees when its counter, which is 0 at
the first gradient, is t: it takes the weights before that step's update.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

from tf_pruned_rl.pruning import criterion, kernels, summaries
from tf_pruned_rl.pruning.distribution import shares
from tf_pruned_rl.pruning.kernels import Kernel
from tf_pruned_rl.pruning.schedule import CubicSparsity, NoSparsity


class BasePruner(tf.Module, abc.ABC):
    """What pruned and dense runs have in common: the kernels, and the reports on them."""

    def __init__(self, network: object) -> None:
        """Finds the kernels.

        Args:
          network: a built Keras model, TF-Agents network or TF-Agents agent.

        Raises:
          UserError: nothing in it can be pruned.
        """
        super().__init__(name="pruner")
        self._networks = kernels.find(network)
        self._kernels = [kernel for found in self._networks for kernel in found]

    @abc.abstractmethod
    def after_gradient_step(self, step: tf.Tensor) -> None:
        """Makes the weights sparse again. Call it after the optimizer, inside or outside a tf.function.

        Args:
          step: integer scalar tensor or variable, gradient steps made so far, this one included.
        """

    @abc.abstractmethod
    def check(self, step: int) -> None:
        """Raises RuntimeError unless the weights are as sparse as due after ``step`` gradient steps."""

    @abc.abstractmethod
    def targets(self, step: int) -> dict[str, float]:
        """Returns {kernel: the sparsity the schedule asks for after ``step`` gradient steps}."""

    @abc.abstractmethod
    def trackables(self) -> dict[str, tf.Variable]:
        """Returns the state, for tf.train.Checkpoint; ``tf.train.Checkpoint(pruner=pruner)`` saves it too."""

    @abc.abstractmethod
    def thresholds(self) -> dict[str, float]:
        """Returns {kernel: magnitude of the smallest weight kept at the latest update}."""

    @property
    def variables(self) -> tuple[tf.Variable, ...]:
        """The pruner's own variables: masks, thresholds and steps, not the network's weights."""
        return tuple(self.trackables().values())

    def layer_sparsity(self) -> dict[str, float]:
        """Returns {kernel: share of its weights that is zero}."""
        return {row["layer"]: row["sparsity"] for row in self.table()}

    def sparsity(self) -> float:
        """Returns the share of zeros over all kernels."""
        return summaries.total(self.table())["sparsity"]

    def summaries(self, step: int) -> dict[str, float]:
        """Returns the numbers to log after ``step`` gradient steps, named as in ``summaries.scalars``."""
        return summaries.scalars(self._kernels, self.targets(int(step)), self.thresholds())

    def table(self) -> list[summaries.Row]:
        """Returns the report: one row per kernel, in the network's order; ``summaries.total`` sums it up."""
        return summaries.table(self._kernels)

    def report(self, model: tf_keras.Model, step: int) -> tuple[list[summaries.Row], float]:
        """Returns one network's rows, and the sparsity asked of it after ``step`` gradient steps.

        Args:
          model: one of the networks, or one that is left dense.
          step: gradient steps made so far.
        """
        targets = self.targets(step)
        asked = {id(kernel.variable): targets[kernel.name] for kernel in self._kernels}
        (found,) = kernels.find(model)
        zeros = sum(asked.get(id(kernel.variable), 0.0) * kernel.size for kernel in found)
        return summaries.table(found), zeros / sum(kernel.size for kernel in found)


class Pruner(BasePruner):
    """Gradual magnitude pruning of any Keras model or TF-Agents agent.

    ```
    pruner = Pruner(agent, sparsity=0.95, begin_step=20_000, end_step=80_000)
    ...
    agent.train(experience)
    pruner.after_gradient_step(agent.train_step_counter)
    ```

    Give each agent a ``train_step_counter`` of its own: TF-Agents' default is one for the process.

    Optimizer slots are not masked, and weights once pruned stay zero. Networks of an agent (an
    actor, two critics) share out their zeros each for itself. An agent's target networks are zeroed
    where the online ones are, because TF-Agents copies them before the weights are masked.
    """

    def __init__(
        self,
        network: object,
        *,
        sparsity: float,
        begin_step: int,
        end_step: int,
        every: int = 1000,
        distribution: str = "erk",
        averages: Sequence[tuple[tf.Variable, tf.Variable]] = (),
    ) -> None:
        """Wraps the kernels; masks start as ones.

        Args:
          network: a built Keras model, TF-Agents network or TF-Agents agent.
          sparsity: share of each network's kernel weights that is zero at the end, in [0, 1).
          begin_step: gradient steps made when the masks are first updated.
          end_step: gradient steps made when they are last updated, and the sparsity is on target.
          every: gradient steps between updates.
          distribution: how the zeros are shared among the kernels: erk or uniform.
          averages: pairs (moving average, the kernel it follows). They are zeroed where the kernel is
            whenever a mask changes; in between an average of zeros needs no help.

        Raises:
          UserError: a value is out of range, or nothing can be pruned.
        """
        super().__init__(network)
        self._masked = []
        for found in self._networks:
            final = shares(distribution, {kernel.name: kernel.shape for kernel in found}, sparsity)
            schedules = {
                name: CubicSparsity(share, begin_step, end_step, every) for name, share in final.items()
            }
            self._masked += _wrap(found, schedules)
        self._schedule = self._masked[0].schedule
        self._state = _state(self._masked)
        masks = {id(masked.kernel.variable): masked.mask for masked in self._masked}
        self._targets = [(copy, masks[id(kernel)]) for copy, kernel in kernels.find_targets(network)]
        self._averages = [(copy, masks[id(kernel)]) for copy, kernel in averages if id(kernel) in masks]
        # One operation to the graph it is called in: between updates, TensorFlow would otherwise pass
        # over each of its some hundred operations in turn to find that they are not wanted.
        self._update = tf.function(self._update_masks, experimental_attributes={"_noinline": True})

    def after_gradient_step(self, step: tf.Tensor) -> None:
        """Updates the masks if it is time, then zeroes the weights outside them.

        A step at which an update was due may be left out (one call for several gradient steps): the
        update is then made at the next call. Outside the updates the cost is one pass over the weights.

        Args:
          step: integer scalar, tensor or variable: gradient steps made so far, this one included.
        """
        step = tf.cast(step, tf.int64)
        # The masks so far are those the online weights had when they were copied.
        for target, mask in self._targets:
            _zero_outside(target, mask)
        due = self._schedule.latest_update(step) > self._masked[0].wrapper.pruning_step
        tf.cond(due, lambda: self._update(step), lambda: False)
        for masked in self._masked:
            _zero_outside(masked.kernel.variable, masked.mask)

    def _update_masks(self, step: tf.Tensor) -> bool:
        at = self._schedule.latest_update(step)
        for masked in self._masked:
            keep = criterion.weights_to_keep(masked.kernel.size, masked.schedule.sparsity(at))
            mask, threshold = criterion.magnitude(masked.kernel.variable, keep)
            masked.mask.assign(tf.cast(mask, masked.mask.dtype))
            masked.threshold.assign(tf.cast(threshold, masked.threshold.dtype))
            masked.wrapper.pruning_step.assign(step)
        for average, mask in self._averages:
            _zero_outside(average, mask)
        return True

    def targets(self, step: int) -> dict[str, float]:
        """Returns {kernel: Eq. 1 after ``step`` gradient steps}, with the kernel's own share as s_F."""
        return {masked.kernel.name: float(masked.schedule.sparsity_at(step)) for masked in self._masked}

    def thresholds(self) -> dict[str, float]:
        """Returns {kernel: smallest magnitude kept at the latest update}; 0 before the first."""
        values = tf.stack([tf.cast(masked.threshold, tf.float32) for masked in self._masked]).numpy()
        return {masked.kernel.name: float(value) for masked, value in zip(self._masked, values, strict=True)}

    def trackables(self) -> dict[str, tf.Variable]:
        """Returns {name: variable}: every kernel's mask, threshold and step of the latest update."""
        return dict(self._state)

    def check(self, step: int) -> None:
        """Asserts design rule 2 after ``step`` gradient steps.

        Raises:
          RuntimeError: a weight outside its mask is not zero, or a mask is more than one weight off
            the schedule.
        """
        for masked in self._masked:
            kernel, mask = masked.kernel, masked.mask.numpy() != 0
            stray = np.count_nonzero(kernel.variable.numpy()[~mask])
            if stray:
                raise RuntimeError(
                    f"{kernel.name}: {stray} of its pruned weights are not zero at gradient step {step}"
                )
            expected = kernel.size * (1 - masked.schedule.masked_sparsity_at(step))
            if abs(np.count_nonzero(mask) - max(expected, 1)) > 1:
                raise RuntimeError(
                    f"{kernel.name}: its mask keeps {np.count_nonzero(mask)} weights at gradient step "
                    f"{step}, but the schedule {expected:.1f}"
                )


class NoPruner(BasePruner):
    """The pruner of a dense run: changes nothing, reports the same."""

    def after_gradient_step(self, step: tf.Tensor) -> None:
        """Does nothing."""
        return  # AutoGraph cannot do with less

    def check(self, step: int) -> None:
        """Passes: any weights are dense enough."""

    def targets(self, step: int) -> dict[str, float]:
        """Returns {kernel: 0}."""
        return {kernel.name: float(NoSparsity().sparsity_at(step)) for kernel in self._kernels}

    def thresholds(self) -> dict[str, float]:
        """Returns {kernel: 0}."""
        return {kernel.name: 0.0 for kernel in self._kernels}

    def trackables(self) -> dict[str, tf.Variable]:
        """Returns nothing: there is no state."""
        return {}


@dataclasses.dataclass(frozen=True, eq=False)
class _Masked:
    """A kernel, and what its tfmot wrapper holds for it."""

    kernel: Kernel
    schedule: CubicSparsity
    wrapper: tf_keras.layers.Wrapper
    mask: tf.Variable
    threshold: tf.Variable


def _wrap(found: Sequence[Kernel], schedules: Mapping[str, CubicSparsity]) -> list[_Masked]:
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
        masked.append(_Masked(kernel, schedules[kernel.name], wrapper, mask, threshold))
    return masked


def _state(masked: Sequence[_Masked]) -> dict[str, tf.Variable]:
    state = {}
    for one in masked:
        state[f"pruning/{one.kernel.name}/mask"] = one.mask
        state[f"pruning/{one.kernel.name}/threshold"] = one.threshold
        state[f"pruning/{one.kernel.name}/step"] = one.wrapper.pruning_step
    return state


def _zero_outside(weights: tf.Variable, mask: tf.Variable) -> None:
    # A plain product would leave -0.0 for negative weights: equal to zero, but not to compression.
    weights.assign(tf.math.multiply_no_nan(weights, mask))
