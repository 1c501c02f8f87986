"""Reset (Nikishin et al., 2022): the last layers are initialised again at intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf
import tf_keras

from tf_pruned_rl.config import Config
from tf_pruned_rl.interventions.base import Intervention
from tf_pruned_rl.interventions.slots import initial_value, moments
from tf_pruned_rl.networks import graph

if TYPE_CHECKING:
    from tf_pruned_rl.replay import Replay


def layers_to_reset(model: tf_keras.Model, layers: str) -> list[tf_keras.layers.Layer]:
    """Returns the layers of a network that ``--reset_layers`` names, in order."""
    if layers == "all":
        return graph.weighted(model)
    last = graph.last(model) if layers in ("last", "both") else []
    penultimate = graph.penultimate(model) if layers in ("penultimate", "both") else []
    return penultimate + last


class Reset(Intervention):
    """Initialises some layers again, every so many gradient steps.

    As in Dopamine's ``labs/redo``: kernels are glorot_uniform whatever their own initializer, biases 0, and
    Adam's moments of the kernels 0. Its moments of the biases and its count do not change, and the target
    network changes at its next update. Sigmas of noisy layers have their own initial value. Pruned weights
    stay 0.
    """

    def __init__(
        self,
        agent: Any,
        masks: Mapping[Any, tf.Variable],
        generator: tf.random.Generator,
        *,
        every: int,
        layers: str,
    ) -> None:
        """Finds the layers.

        Args:
          agent: every one of its ``networks`` is reset.
          masks: {reference of a kernel's variable: its mask}.
          generator: of the new weights.
          every: gradient steps between resets.
          layers: last, penultimate, both, or all.
        """
        chosen = [layer for model in agent.networks.values() for layer in layers_to_reset(model, layers)]
        self._kernels = [
            (layer, kernel, moments(agent, kernel), masks.get(kernel.ref()))
            for layer in chosen
            for kernel in graph.kernels(layer)
        ]
        self._biases = [(layer, bias) for layer in chosen for bias in graph.biases(layer)]
        self._generator, self._every = generator, every

    def after_gradient_step(self, step: tf.Tensor, replay: Replay) -> None:
        """Resets if it is time."""
        tf.cond(tf.equal(step % self._every, 0), self._reset, lambda: False)

    def _reset(self) -> bool:
        for layer, kernel, slots, mask in self._kernels:
            weights = initial_value(self._generator, layer, kernel)
            kernel.assign(weights if mask is None else tf.where(mask > 0, weights, 0.0))
            for slot in slots:
                slot.assign(tf.zeros_like(slot))
        for layer, bias in self._biases:
            bias.assign(initial_value(self._generator, layer, bias))
        return True

    def trackables(self) -> dict[str, tf.Variable]:
        """Returns the generator's state."""
        return {"intervention/generator": self._generator.state}


def create(
    config: Config, agent: Any, masks: Mapping[Any, tf.Variable], generator: tf.random.Generator
) -> Reset:
    """Returns the intervention of a run; see ``Reset``."""
    settings = config.intervention
    return Reset(agent, masks, generator, every=settings.reset_every, layers=settings.reset_layers)
