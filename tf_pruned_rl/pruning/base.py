"""What pruned and dense runs have in common, and the pruner of a dense one."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from tf_pruned_rl.pruning import kernels, summaries
from tf_pruned_rl.pruning.schedule import NoSparsity
from tf_pruned_rl.pruning.summaries import Row

Gradients = Callable[[], Mapping[Any, tf.Tensor]]
"""Computes {reference of a kernel's variable: the loss's gradient by all its weights}."""


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
    def after_gradient_step(self, step: tf.Tensor, gradients: Gradients | None = None) -> None:
        """Makes the weights sparse again. Call it after the optimizer, inside or outside a tf.function.

        Args:
          step: integer scalar tensor or variable, gradient steps made so far, this one included.
          gradients: computes what RigL grows by; called at its updates only, with the weights as they
            are after this step.
        """

    def follow(self, optimizers: Sequence[Any]) -> None:
        """Keeps the weights sparse through every step of these optimizers, from the next graph on.

        ``update_masks`` after a gradient step is then enough, and no loss ever sees a weight that is not
        zero, even of a network that another optimizer has just moved.

        Args:
          optimizers: ``agents.optimizer.Adam``, built.
        """
        return  # AutoGraph cannot do with less

    def update_masks(self, step: tf.Tensor, gradients: Gradients | None = None) -> None:
        """Updates the masks if it is time, where the optimizers are followed.

        Args:
          step: as of ``after_gradient_step``.
          gradients: as of ``after_gradient_step``.
        """
        return

    def next_update(self, step: int) -> int | None:
        """Returns the gradient step at whose end the masks change next; None if they will not.

        Until then ``update_masks`` does nothing and may be left out.

        Args:
          step: gradient steps made.
        """
        del step
        return None

    def masks(self) -> dict[Any, tf.Variable]:
        """Returns {reference of a kernel's variable: its mask, 1 where a weight stays and 0 elsewhere}."""
        return {}

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

    def table(self) -> list[Row]:
        """Returns the report: one row per kernel, in the network's order; ``summaries.total`` sums it up."""
        return summaries.table(self._kernels)

    def report(self, model: tf_keras.Model, step: int) -> tuple[list[Row], float]:
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


class NoPruner(BasePruner):
    """The pruner of a dense run: changes nothing, reports the same."""

    def after_gradient_step(self, step: tf.Tensor, gradients: Gradients | None = None) -> None:
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
