"""What pruned and dense runs have in common, and the pruner of a dense run."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from tf_pruned_rl.pruning import kernels, summaries
from tf_pruned_rl.pruning.kernels import LayerFilter
from tf_pruned_rl.pruning.summaries import Row

Gradients = Callable[[], Mapping[Any, tf.Tensor]]
"""Computes {reference of a kernel's variable: the loss's gradient by all its weights}."""


class BasePruner(tf.Module, abc.ABC):
    """What pruned and dense runs have in common: the kernels, and the reports on them."""

    def __init__(self, networks: object, prune_layers: str = "", exclude: LayerFilter = "") -> None:
        """Finds the kernels.

        Args:
          networks: a built Keras model, a TF-Agents network or agent, or {name: model}.
          prune_layers: pattern of the layers to prune, see ``kernels.select``; empty: all.
          exclude: the layers to leave dense, a pattern or a function of a layer.

        Raises:
          UserError: there is no kernel to prune.
        """
        super().__init__(name="pruner")
        kernels_of = kernels.find_all(kernels.networks_of(networks))
        self._kernels_by_network = list(kernels.select(kernels_of, prune_layers, exclude).values())
        self._kernels = [kernel for of_network in self._kernels_by_network for kernel in of_network]

    @abc.abstractmethod
    def after_gradient_step(self, step: tf.Tensor, gradients: Gradients | None = None) -> None:
        """Makes the weights sparse again. Call it after the optimizer, inside or outside a tf.function.

        Args:
          step: integer scalar tensor or variable, gradient steps made so far, this one included.
          gradients: computes the gradients that some methods score weights by; called only for those
            methods, at updates of the masks, with the weights as they are after this step.
        """

    def attach(self, optimizers: Sequence[Any]) -> None:
        """Makes the optimizers keep the weights sparse in each of their steps, in graphs built afterwards.

        ``update_masks`` after a gradient step then replaces ``after_gradient_step``, and no loss ever sees
        a pruned weight that is not zero, even of a network that another optimizer has just changed.

        Args:
          optimizers: ``agents.optimizer.Adam``, built.
        """
        del optimizers

    def update_masks(self, step: tf.Tensor, gradients: Gradients | None = None) -> None:
        """Updates the masks if an update is due, for weights that attached optimizers keep sparse.

        Args:
          step: as of ``after_gradient_step``.
          gradients: as of ``after_gradient_step``.
        """
        del step, gradients

    def next_update(self, step: int) -> int | None:
        """Returns the gradient step at whose end the masks change next; None if they never will.

        Until then ``update_masks`` does nothing and may be left out.

        Args:
          step: gradient steps made so far.
        """
        del step
        return None

    def masks(self) -> dict[Any, tf.Variable]:
        """Returns {reference of a kernel's variable: its mask, 1 where a weight is kept, 0 elsewhere}."""
        return {}

    @abc.abstractmethod
    def check(self, step: int) -> None:
        """Raises RuntimeError unless the weights are as sparse as scheduled after ``step`` gradient steps."""

    @abc.abstractmethod
    def targets(self, step: int) -> dict[str, float]:
        """Returns {kernel: its scheduled sparsity after ``step`` gradient steps}."""

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
        """Returns the numbers to log after ``step`` gradient steps, named as by ``summaries.scalars``."""
        return summaries.scalars(self._kernels, self.targets(int(step)), self.thresholds())

    def table(self) -> list[Row]:
        """Returns the report: one row per kernel, in the network's order; ``summaries.total`` adds them."""
        return summaries.table(self._kernels)

    def report(self, model: tf_keras.Model, step: int) -> tuple[list[Row], float]:
        """Returns the rows of all kernels of a network, dense ones too, and their scheduled sparsity.

        Args:
          model: one of the networks, or a network that is left dense.
          step: gradient steps made so far.
        """
        targets = self.targets(step)
        target_of = {id(kernel.variable): targets[kernel.name] for kernel in self._kernels}
        of_model = kernels.find(model)
        zeros = sum(target_of.get(id(kernel.variable), 0.0) * kernel.size for kernel in of_model)
        return summaries.table(of_model), zeros / sum(kernel.size for kernel in of_model)


class NoPruner(BasePruner):
    """The pruner of a dense run: changes nothing, reports the same."""

    def after_gradient_step(self, step: tf.Tensor, gradients: Gradients | None = None) -> None:
        """Does nothing."""
        del step, gradients

    def check(self, step: int) -> None:
        """Passes: weights of a dense run may have any value."""

    def targets(self, step: int) -> dict[str, float]:
        """Returns {kernel: 0}."""
        del step
        return {kernel.name: 0.0 for kernel in self._kernels}

    def thresholds(self) -> dict[str, float]:
        """Returns {kernel: 0}."""
        return {kernel.name: 0.0 for kernel in self._kernels}

    def trackables(self) -> dict[str, tf.Variable]:
        """Returns nothing: there is no state."""
        return {}
