"""Weight decay, after the optimizer's step or in its gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tf_pruned_rl.config import Config
from tf_pruned_rl.interventions.base import Intervention
from tf_pruned_rl.interventions.slots import Optimizer, optimizer_of

if TYPE_CHECKING:
    from tf_pruned_rl.replay import Replay


class WeightDecay(Intervention):
    """Decoupled weight decay (Loshchilov and Hutter, 2019): w -= learning rate * rate * w.

    Of every parameter of the online networks, biases too; after Adam's step, which it does not enter.
    """

    def __init__(self, agent: Any, rate: float) -> None:
        """Finds the variables and their learning rates.

        Args:
          agent: its online networks decay.
          rate: multiplied by the optimizer's learning rate.
        """
        self._decays = [
            (variable, rate * float(optimizer.learning_rate))
            for variable, optimizer in _with_optimizers(agent)
        ]

    def after_gradient_step(self, step: tf.Tensor, replay: Replay) -> None:
        """Shrinks every parameter."""
        for variable, share in self._decays:
            variable.assign_sub(share * variable)


class CoupledWeightDecay(Intervention):
    """Weight decay as in the paper's code: gradient += rate * w, before Adam's moments.

    Of every parameter of the online networks, biases too (Dopamine's ``labs/redo``: optax's
    ``add_decayed_weights`` in front of ``adam``). Pruned weights are 0 and add nothing.
    """

    def __init__(self, agent: Any, rate: float) -> None:
        """Makes the optimizers add the decay.

        Args:
          agent: its online networks decay.
          rate: of the decay.
        """
        pairs = _with_optimizers(agent)
        decaying = {variable.ref() for variable, _ in pairs}

        def add(gradients: list[tuple[tf.Tensor, tf.Variable]]) -> list[tuple[tf.Tensor, tf.Variable]]:
            return [
                (gradient + rate * variable if variable.ref() in decaying else gradient, variable)
                for gradient, variable in gradients
            ]

        for optimizer in {id(optimizer): optimizer for _, optimizer in pairs}.values():
            optimizer.gradient_transformers.append(add)

    def after_gradient_step(self, step: tf.Tensor, replay: Replay) -> None:
        """Does nothing: the optimizers have added the decay."""
        del step, replay


def create(config: Config, agent: Any) -> Intervention:
    """Returns the weight decay of a run."""
    kind = CoupledWeightDecay if config.intervention.decay_coupled else WeightDecay
    return kind(agent, config.intervention.decay_rate)


def _with_optimizers(agent: Any) -> list[tuple[tf.Variable, Optimizer]]:
    """Returns (variable, its optimizer) for every parameter of the online networks."""
    return [
        (variable, optimizer_of(agent, variable))
        for model in agent.networks.values()
        for variable in model.trainable_variables
    ]
