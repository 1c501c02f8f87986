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

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tf_pruned_rl.config.combinations import check_pruning
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.pruning import criterion, kernels, methods
from tf_pruned_rl.pruning.base import BasePruner, Gradients
from tf_pruned_rl.pruning.bundles import plan
from tf_pruned_rl.pruning.distribution import shares
from tf_pruned_rl.pruning.masks import Masked, MaskedBundle, state, wrap_bundles, zero_outside
from tf_pruned_rl.seeding import Purpose, tensorflow_generator


class Pruner(BasePruner):
    """Pruning of any Keras model or TF-Agents agent: gradual and by magnitude unless asked otherwise.

    ```
    pruner = Pruner(agent, sparsity=0.95, begin_step=20_000, end_step=80_000)
    ...
    agent.train(experience)
    pruner.after_gradient_step(agent.train_step_counter)
    ```

    Give each agent a ``train_step_counter`` of its own: TF-Agents' default is one for the process.

    Optimizer slots are not masked (but see ``follow``). Weights once pruned stay zero, but for those that
    SET and RigL grow again: these start from 0. Networks of an agent (an actor, two critics) share out
    their zeros each for itself. An agent's target networks are zeroed where the online ones are, because
    TF-Agents copies them before the weights are masked.
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
        method: str = "magnitude",
        shape: str = "unstructured",
        block: str = "4x4",
        dense_shape: str = "same",
        dense_sparsity: float | None = None,
        exchange: float = 0.3,
        seed: int = 0,
    ) -> None:
        """Wraps the kernels; masks start as ones, or where the method starts sparse as random ones.

        Args:
          network: a built Keras model, TF-Agents network or TF-Agents agent.
          sparsity: share of each network's kernel weights that is zero at the end, in [0, 1).
          begin_step: gradient steps made when the masks are first updated.
          end_step: gradient steps made when they are last updated, and the sparsity is on target.
          every: gradient steps between updates.
          distribution: how the zeros are shared among the kernels: a key of ``DISTRIBUTIONS``.
          averages: pairs (moving average, the variable it follows), zeroed alike whenever a mask changes.
          method: which weights go: a key of ``methods.METHODS``.
          shape: what goes as a whole: a key of ``structure.STRUCTURES``.
          block: inputs x outputs of a block.
          dense_shape: what goes as a whole in dense layers; ``same`` is ``shape``.
          dense_sparsity: share of zeros in dense layers; ``sparsity`` is then that of the others only.
          exchange: share of the kept weights that SET and RigL exchange at first; at ``end_step``, none.
          seed: of what is drawn at random.

        Raises:
          UserError: a value is out of range, values do not go together, or nothing can be pruned.
        """
        check_pruning(method, distribution, shape, sparsity, dense_shape, dense_sparsity)
        super().__init__(network)
        self._method = methods.find(method)
        self._pooled, self._exchange, self._end_step = distribution == "global", exchange, end_step
        self._groups = [
            wrap_bundles(
                plan(found, shape, dense_shape, block),
                shares(distribution, {each.name: each.shape for each in found}, sparsity, dense_sparsity),
                lambda share: self._method.schedule(share, begin_step, end_step, every),
            )
            for found in self._networks
        ]
        self._bundles = [bundle for group in self._groups for bundle in group]
        self._masked = [masked for bundle in self._bundles for masked in bundle.masked]
        self._generator = tensorflow_generator(seed, Purpose.PRUNING)
        # Magnitude pruning draws nothing, and its checkpoints hold nothing for it.
        drawn = {} if method == "magnitude" else {"pruning/generator": self._generator.state}
        self._state = state(self._masked) | drawn
        self._targets = self._with_masks(kernels.find_targets(network))
        self._averages = self._with_masks(averages)
        self._start()

    def _with_masks(
        self, copies: Iterable[tuple[tf.Variable, tf.Variable]]
    ) -> list[tuple[tf.Variable, Callable[[], tf.Tensor]]]:
        """Returns (copy, what gives the mask of the variable it is one of); not of variables without."""
        masks = self._what_masks()
        return [(copy, masks[of.ref()]) for copy, of in copies if of.ref() in masks]

    def _start(self) -> None:
        """Gives every kernel a random mask at its final sparsity, where the method starts so."""
        if not self._method.starts_sparse:
            return
        for bundle in self._bundles:
            keep = bundle.units_to_keep(tf.constant(bundle.schedule.final_sparsity, tf.float64))
            scores = self._generator.uniform(bundle.bundle.shape)
            mask = bundle.bundle.structure.select(scores, tf.ones_like(scores, tf.bool), keep)
            bundle.assign(mask, tf.constant(-1, tf.int64))
        for copy, mask in [*self._averages, *self._targets]:
            zero_outside(copy, mask())

    def after_gradient_step(self, step: tf.Tensor, gradients: Gradients | None = None) -> None:
        """Zeroes the weights outside the masks, and updates the masks if it is time.

        A step at which an update was due may be left out (one call for several gradient steps): the
        update is then made at the next call. Outside the updates the cost is one pass over the weights.

        Args:
          step: integer scalar, tensor or variable: gradient steps made so far, this one included.
          gradients: see ``BasePruner``; needed by RigL only.
        """
        # The masks so far are those the online weights had when they were copied.
        for target, mask in self._targets:
            zero_outside(target, mask())
        for bundle in self._bundles:
            bundle.zero()
        self.update_masks(step, gradients)

    def follow(self, optimizers: Sequence[Any]) -> None:
        """Keeps the weights sparse through every step of these optimizers; see ``BasePruner``.

        Where weights never come back, their gradients are masked and, when they go, their first moments:
        Adam then adds exactly 0 to them, and to the others what it would have added anyway. That is less
        to read and write than the weights. Where weights do come back, Adam is to know their moments, as
        in JaxPruner, so it moves all of them and the weights are masked after it.
        """
        masks = self._what_masks()
        for optimizer in optimizers:
            if self._method.grow is not None:
                optimizer.after_update(self._zero_pruned)
                continue
            optimizer.before_update(self._mask_gradient)
            moments = optimizer.first_moments()
            new = [(moment, masks[ref]) for ref, moment in moments.items() if ref in masks]
            self._averages = [*self._averages, *new]

    def _zero_pruned(self, variable: tf.Variable) -> None:
        mask = self._what_masks().get(variable.ref())
        if mask is not None:
            zero_outside(variable, mask())

    def _mask_gradient(self, gradient: tf.Tensor, variable: tf.Variable) -> tf.Tensor:
        mask = self._what_masks().get(variable.ref())
        return gradient if mask is None else gradient * tf.cast(mask(), gradient.dtype)

    def _what_masks(self) -> dict[Any, Callable[[], tf.Tensor]]:
        """Returns {reference of a kernel or of a bias that goes with it: what gives its mask}."""
        return {variable.ref(): mask for bundle in self._bundles for variable, mask in bundle.variables()}

    def update_masks(self, step: tf.Tensor, gradients: Gradients | None = None) -> None:
        """Updates the masks if it is time; see ``BasePruner``."""
        step = tf.cast(step, tf.int64)
        due = self._masked[0].schedule.latest_update(step) > self._masked[0].wrapper.pruning_step
        # One operation to the graph this is called in: between updates, TensorFlow would otherwise pass
        # over each of its some hundred operations in turn to find that they are not wanted.
        update = tf.function(
            lambda: self._update_masks(step, gradients), experimental_attributes={"_noinline": True}
        )
        tf.cond(due, update, lambda: False)

    def next_update(self, step: int) -> int | None:
        """Returns the gradient step at whose end the masks change next; see ``BasePruner``."""
        first = self._masked[0]
        overdue = int(first.schedule.latest_update(tf.constant(step, tf.int64))) > int(
            first.wrapper.pruning_step
        )
        return step + 1 if overdue else first.schedule.next_update(step)

    def _update_masks(self, step: tf.Tensor, gradients: Gradients | None) -> bool:
        at = self._masked[0].schedule.latest_update(step)
        grows_by_gradient = self._method.grow is criterion.gradient
        found = gradients() if gradients is not None and grows_by_gradient else {}
        for group in self._groups:
            views = [[self._view(masked, found) for masked in bundle.masked] for bundle in group]
            scores = [
                bundle.bundle.join([self._method.keep(view) for view in seen])
                for bundle, seen in zip(group, views, strict=True)
            ]
            keeps = [bundle.units_to_keep(bundle.schedule.sparsity(at)) for bundle in group]
            if self._pooled:
                keeps = _share_out(scores, group, keeps)
            for bundle, seen, score, keep in zip(group, views, scores, keeps, strict=True):
                mask = bundle.bundle.structure.select(score, bundle.mask(), keep)
                if self._method.grow is not None:
                    (view,) = seen  # single weights alone are exchanged
                    mask = criterion.exchange(mask, score, self._method.grow(view), self._number(keep, at))
                bundle.assign(mask, step)
        # In between, an average of zeros needs no help.
        for average, mask in self._averages:
            zero_outside(average, mask())
        return True

    def _view(self, masked: Masked, gradients: Mapping[Any, tf.Tensor]) -> criterion.Kernel:
        variable = masked.kernel.variable

        def gradient() -> tf.Tensor:
            if variable.ref() not in gradients:
                raise UserError(
                    "rigl grows weights by their gradients: call after_gradient_step(step, gradients) with a "
                    "function that returns {variable.ref(): gradient}"
                )
            return gradients[variable.ref()]

        return criterion.Kernel(
            variable.read_value(), gradient, lambda: self._generator.uniform(masked.kernel.shape)
        )

    def _number(self, keep: tf.Tensor, at: tf.Tensor) -> tf.Tensor:
        """Returns how many of ``keep`` weights are exchanged at step ``at``.

        The share falls along half a cosine (Evci et al., 2020).
        """
        progress = tf.cast(at, tf.float64) / self._end_step
        share = self._exchange / 2 * (1 + tf.cos(math.pi * tf.minimum(progress, 1.0)))
        return tf.cast(tf.floor(share * tf.cast(keep, tf.float64)), tf.int32)

    def masks(self) -> dict[Any, tf.Variable]:
        """Returns {reference of a kernel's variable: its mask}."""
        return {masked.kernel.variable.ref(): masked.mask for masked in self._masked}

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
        for group in self._groups:
            self._check_group(group, step)

    def _check_group(self, group: Sequence[MaskedBundle], step: int) -> None:
        """Checks one network's kernels; with pooled zeros only their sum is on the schedule."""
        counts = [bundle.check(step) for bundle in group]
        for bundle, (kept, due) in zip(group, counts, strict=True):
            if not self._pooled and abs(kept - due) > 1:
                raise RuntimeError(
                    f"{bundle.bundle.name}: its mask keeps {kept} {bundle.bundle.structure.unit}s at "
                    f"gradient step {step}, but the schedule {due:.1f}"
                )
        kept, due = (sum(numbers) for numbers in zip(*counts, strict=True))
        if abs(kept - due) > len(group):
            raise RuntimeError(
                f"the masks keep {kept} weights at gradient step {step}, but the schedule {due:.1f}"
            )


def _share_out(
    scores: Sequence[tf.Tensor], group: Sequence[MaskedBundle], keeps: Sequence[tf.Tensor]
) -> list[tf.Tensor]:
    """Returns how many weights each kernel keeps if they compete with those of all others, at least 1."""
    flat = tf.concat([tf.reshape(score, [-1]) for score in scores], axis=0)
    there = tf.concat([tf.reshape(bundle.mask(), [-1]) for bundle in group], axis=0)
    best = criterion.largest(flat, tf.add_n(keeps), there)
    parts = tf.split(best, [bundle.bundle.size for bundle in group])
    return [tf.maximum(tf.reduce_sum(tf.cast(part, tf.int32)), 1) for part in parts]
