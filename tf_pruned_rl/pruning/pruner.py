"""The pruner: one object that the train step calls after every gradient step.

tfmot. Each layer is wrapped with ``prune_low_magnitude`` under our schedule. The wrapper holds the mask,
the threshold and the step of the latest update (``pruning_step``); its ``layer`` is the network's own. The
network itself does not change: everything runs on it, its kernels are exactly sparse after every call, and
nothing has to be removed before it is copied, saved or exported. The wrappers are never called.

tfmot does not compute the masks: it works in float32, so that large kernels are off by a weight; it keeps
all ties, so that equal weights stay dense; and it sorts the whole kernel. ``criterion.top_k`` keeps an exact
number, and the result is assigned to tfmot's variables.

Steps. ``step`` is the number of gradient steps made so far: 1 after the first. An update at step t uses the
weights after t gradient steps. JaxPruner uses the same weights when its counter, which is 0 at the first
gradient, is t: it takes the weights before that step's update.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tf_pruned_rl.config.combinations import check_pruning
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.pruning import kernels, masks, update
from tf_pruned_rl.pruning.base import BasePruner, Gradients
from tf_pruned_rl.pruning.criterion import ScoreInputs
from tf_pruned_rl.pruning.distribution import kernel_sparsities
from tf_pruned_rl.pruning.groups import plan
from tf_pruned_rl.pruning.kernels import Kernel, LayerFilter
from tf_pruned_rl.pruning.masks import MaskedGroup, MaskedKernel, ReadMask, apply_mask
from tf_pruned_rl.registry import DISTRIBUTIONS, PRUNING_METHODS
from tf_pruned_rl.seeding import Purpose, tensorflow_generator


class Pruner(BasePruner):
    """Prunes any Keras model or TF-Agents agent; by default gradually and by magnitude.

    ```
    pruner = Pruner(agent, sparsity=0.95, begin_step=20_000, end_step=80_000)
    ...
    agent.train(experience)
    pruner.after_gradient_step(agent.train_step_counter)
    ```

    Give each agent a ``train_step_counter`` of its own: TF-Agents' default is one for the process.

    Optimizer slots are not masked (but see ``attach``). Pruned weights stay zero, except those that SET and
    RigL grow again; these start from 0. Each network of an agent (an actor, two critics) has the sparsity by
    itself. An agent's target networks are masked like its online networks, because TF-Agents copies the
    weights before they are masked.
    """

    def __init__(
        self,
        networks: object,
        *,
        sparsity: float,
        begin_step: int,
        end_step: int,
        every: int = 1000,
        distribution: str = "erk",
        averages: Sequence[tuple[tf.Variable, tf.Variable]] = (),
        method: str = "magnitude",
        shape: str = "unstructured",
        block: str = "4x4",
        dense_shape: str = "same",
        dense_sparsity: float | None = None,
        drop_fraction: float = 0.3,
        prune_layers: str = "",
        exclude: LayerFilter = "",
        seed: int = 0,
    ) -> None:
        """Wraps the layers; masks start as ones, or random and sparse where the method starts sparse.

        Args:
          networks: a built Keras model, a TF-Agents network or agent, or {name: model}.
          sparsity: share of each network's pruned kernels that is zero at the end, in [0, 1).
          begin_step: gradient steps made when the masks are first updated.
          end_step: gradient steps made when they are last updated, and the sparsity is on target.
          every: gradient steps between updates.
          distribution: how the zeros are divided among the kernels: a name in ``registry.DISTRIBUTIONS``.
          averages: pairs (moving average, its variable), masked like the variable when a mask changes.
          method: which weights are pruned: a name in ``registry.PRUNING_METHODS``.
          shape: the unit that is pruned as a whole: a name in ``registry.STRUCTURES``.
          block: inputs x outputs of a block.
          dense_shape: the same for dense layers; ``same`` is ``shape``.
          dense_sparsity: share of zeros in dense layers; ``sparsity`` is then that of the others only.
          drop_fraction: share of the kept weights that SET and RigL drop at first; 0 at ``end_step``.
          prune_layers: pattern of the layers to prune, see ``kernels.select``; empty: all.
          exclude: layers to leave dense, a pattern or a function of a layer.
          seed: of the random numbers.

        Raises:
          UserError: a value is out of range, values do not go together, or nothing can be pruned.
        """
        check_pruning(method, distribution, shape, sparsity, dense_shape, dense_sparsity)
        super().__init__(networks, prune_layers, exclude)
        self._method_name, self._method = method, PRUNING_METHODS[method]
        self._pooled = DISTRIBUTIONS.fact(distribution, "pooled", False)
        self._drop_fraction, self._end_step = drop_fraction, end_step

        def wrap(of_network: list[Kernel]) -> list[MaskedGroup]:
            shapes = {kernel.name: kernel.shape for kernel in of_network}
            return masks.wrap_groups(
                plan(of_network, shape, dense_shape, block),
                kernel_sparsities(distribution, shapes, sparsity, dense_sparsity),
                lambda final: self._method.schedule(final, begin_step, end_step, every),
            )

        self._networks = [wrap(of_network) for of_network in self._kernels_by_network]
        self._groups = [group for groups in self._networks for group in groups]
        self._masked = [masked for group in self._groups for masked in group.masked]
        self._generator = tensorflow_generator(seed, Purpose.PRUNING)
        self._state = masks.state(self._masked)
        if method != "magnitude":  # which uses no random numbers: its checkpoints hold no generator
            self._state["pruning/generator"] = self._generator.state
        self._target_masks = self._with_masks(kernels.target_pairs(networks))
        self._average_masks = self._with_masks(averages)
        if self._method.starts_sparse:
            self._start_sparse()

    def _with_masks(
        self, copies: Iterable[tuple[tf.Variable, tf.Variable]]
    ) -> list[tuple[tf.Variable, ReadMask]]:
        """Returns (copy, mask of its variable) for the pairs (copy, variable) whose variable has a mask."""
        mask_of = self._mask_of()
        return [(copy, mask_of[of.ref()]) for copy, of in copies if of.ref() in mask_of]

    def _mask_of(self) -> dict[Any, ReadMask]:
        """Returns {reference of a variable that is pruned: its mask}, biases of channels included."""
        return {variable.ref(): mask for group in self._groups for variable, mask in group.variables()}

    def _start_sparse(self) -> None:
        """Gives every kernel a random mask at its final sparsity."""
        for masked in self._groups:
            keep = masked.units_to_keep(tf.constant(masked.schedule.final_sparsity, tf.float64))
            scores = self._generator.uniform(masked.group.shape)
            mask = masked.group.structure.select(scores, tf.ones_like(scores, tf.bool), keep)
            masked.assign(mask, tf.constant(-1, tf.int64))
        for copy, mask in [*self._average_masks, *self._target_masks]:
            apply_mask(copy, mask())

    def after_gradient_step(self, step: tf.Tensor, gradients: Gradients | None = None) -> None:
        """Applies the masks to the weights, and updates the masks if an update is due.

        Calls may be left out (one call for several gradient steps): an update that was due since the
        last call is made at the next. Between updates the cost is one pass over the weights.

        Args:
          step: integer scalar, tensor or variable: gradient steps made so far, this one included.
          gradients: see ``BasePruner``; only some methods need it, as RigL does.
        """
        # The current masks are those of the online weights when they were copied.
        for target, mask in self._target_masks:
            apply_mask(target, mask())
        for group in self._groups:
            group.apply()
        self.update_masks(step, gradients)

    def attach(self, optimizers: Sequence[Any]) -> None:
        """Makes the optimizers keep the weights sparse in each of their steps; see ``BasePruner``.

        Where weights never grow again, their gradients are masked and, at updates, their first moments: Adam
        then adds exactly 0 to them, and to the others what it would have added anyway. That reads and writes
        less than masking the weights. Where weights do grow again, Adam needs their moments, as in
        JaxPruner, so it changes all weights, and they are masked after it.
        """
        mask_of = self._mask_of()
        for optimizer in optimizers:
            if self._method.grow is not None:
                optimizer.after_update(self._mask_variable)
                continue
            optimizer.before_update(self._mask_gradient)
            moments = optimizer.first_moments()
            added = [(moment, mask_of[ref]) for ref, moment in moments.items() if ref in mask_of]
            self._average_masks = [*self._average_masks, *added]

    def _mask_variable(self, variable: tf.Variable) -> None:
        mask = self._mask_of().get(variable.ref())
        if mask is not None:
            apply_mask(variable, mask())

    def _mask_gradient(self, gradient: tf.Tensor, variable: tf.Variable) -> tf.Tensor:
        mask = self._mask_of().get(variable.ref())
        return gradient if mask is None else gradient * tf.cast(mask(), gradient.dtype)

    def update_masks(self, step: tf.Tensor, gradients: Gradients | None = None) -> None:
        """Updates the masks if an update is due; see ``BasePruner``."""
        step = tf.cast(step, tf.int64)
        due = self._masked[0].schedule.latest_update(step) > self._masked[0].wrapper.pruning_step
        # One operation in the graph of the caller: otherwise, between updates, TensorFlow would visit each
        # of some hundred operations to find that it is not needed.
        update_all = tf.function(
            lambda: self._update_masks(step, gradients), experimental_attributes={"_noinline": True}
        )
        tf.cond(due, update_all, lambda: False)

    def next_update(self, step: int) -> int | None:
        """Returns the gradient step at whose end the masks change next; see ``BasePruner``."""
        first = self._masked[0]
        latest = int(first.schedule.latest_update(tf.constant(step, tf.int64)))
        overdue = latest > int(first.wrapper.pruning_step)
        return step + 1 if overdue else first.schedule.next_update(step)

    def _update_masks(self, step: tf.Tensor, gradients: Gradients | None) -> bool:
        scheduled_step = self._masked[0].schedule.latest_update(step)
        if self._method.needs_gradients and gradients is None:
            raise UserError(
                f"{self._method_name} scores weights by their gradients: call after_gradient_step(step, "
                "gradients) with a function that returns {variable.ref(): gradient}"
            )
        gradient_of = gradients() if gradients is not None and self._method.needs_gradients else {}
        drop_share = update.drop_share(self._drop_fraction, scheduled_step, self._end_step)
        for groups in self._networks:
            new_masks = update.new_masks(
                groups,
                self._method,
                lambda masked: self._score_inputs(masked, gradient_of),
                scheduled_step,
                drop_share=drop_share,
                pooled=self._pooled,
            )
            for group, mask in zip(groups, new_masks, strict=True):
                group.assign(mask, step)
        # Between updates, the average of zeros is 0 anyway.
        for average, read_mask in self._average_masks:
            apply_mask(average, read_mask())
        return True

    def _score_inputs(self, masked: MaskedKernel, gradients: Mapping[Any, tf.Tensor]) -> ScoreInputs:
        variable = masked.kernel.variable

        def gradient() -> tf.Tensor:
            if not self._method.needs_gradients:
                raise UserError(
                    f"a criterion of {self._method_name} uses gradients but does not declare it: decorate it "
                    "with @criterion.needs_gradients"
                )
            if variable.ref() not in gradients:
                raise UserError(
                    f"{self._method_name} scores weights by their gradients, but there is none for "
                    f"{masked.kernel.name}: the function that after_gradient_step takes must return "
                    "{variable.ref(): gradient} with every kernel"
                )
            return gradients[variable.ref()]

        return ScoreInputs(
            variable.read_value(), gradient, lambda: self._generator.uniform(masked.kernel.shape)
        )

    def masks(self) -> dict[Any, tf.Variable]:
        """Returns {reference of a kernel's variable: its mask}."""
        return {masked.kernel.variable.ref(): masked.mask for masked in self._masked}

    def targets(self, step: int) -> dict[str, float]:
        """Returns {kernel: Eq. 1 after ``step`` gradient steps, with the kernel's own final sparsity}."""
        return {masked.kernel.name: float(masked.schedule.sparsity_at(step)) for masked in self._masked}

    def thresholds(self) -> dict[str, float]:
        """Returns {kernel: smallest magnitude kept at the latest update}; 0 before the first."""
        values = tf.stack([tf.cast(masked.threshold, tf.float32) for masked in self._masked]).numpy()
        return {masked.kernel.name: float(value) for masked, value in zip(self._masked, values, strict=True)}

    def trackables(self) -> dict[str, tf.Variable]:
        """Returns {name: variable}: masks, thresholds, steps of the latest update, random state."""
        return dict(self._state)

    def check(self, step: int) -> None:
        """Checks that the weights are exactly sparse, and on schedule, after ``step`` gradient steps.

        Raises:
          RuntimeError: a weight outside its mask is not zero, or a mask is more than one weight off
            the schedule.
        """
        for groups in self._networks:
            masks.check_schedule(groups, step, pooled=self._pooled)
