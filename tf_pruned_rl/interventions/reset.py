"""Reset (Nikishin et al., 2022): the last layers start anew, again and again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf
import tf_keras

from tf_pruned_rl.config import Config
from tf_pruned_rl.interventions.base import Intervention
from tf_pruned_rl.interventions.slots import fresh, moments
from tf_pruned_rl.networks import graph

if TYPE_CHECKING:
    from tf_pruned_rl.replay import Replay

LAYERS = ("last", "penultimate", "both", "all")


def chosen(model: tf_keras.Model, layers: str) -> list[tf_keras.layers.Layer]:
    """Returns the layers of a network that ``--reset_layers`` names, in order."""
    if layers == "all":
        return graph.weighted(model)
    ends = graph.last(model) if layers in ("last", "both") else []
    before = graph.penultimate(model) if layers in ("penultimate", "both") else []
    return before + ends


class Reset(Intervention):
    """Draws the kernels of some layers anew every so many gradient steps.

    As in Dopamine's ``labs/redo``: kernels glorot_uniform whatever they were drawn from at first, biases
    0, Adam's moments of the kernels 0; its moments of the biases and its count stay, and so does the
    target network until it is next updated. Sigmas of noisy layers start as they once did. Pruned weights
    stay 0: only those left are drawn.
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
        found = [layer for model in agent.networks.values() for layer in chosen(model, layers)]
        self._kernels = [
            (layer, kernel, moments(agent, kernel), masks.get(kernel.ref()))
            for layer in found
            for kernel in graph.kernels(layer)
        ]
        self._biases = [(layer, bias) for layer in found for bias in graph.biases(layer)]
        self._generator, self._every = generator, every

    def after_gradient_step(self, step: tf.Tensor, replay: Replay) -> None:
        """Resets if it is time."""
        tf.cond(tf.equal(step % self._every, 0), self._reset, lambda: False)

    def _reset(self) -> bool:
        for layer, kernel, slots, mask in self._kernels:
            weights = fresh(self._generator, layer, kernel)
            kernel.assign(weights if mask is None else tf.where(mask > 0, weights, 0.0))
            for slot in slots:
                slot.assign(tf.zeros_like(slot))
        for layer, bias in self._biases:
            bias.assign(fresh(self._generator, layer, bias))
        return True

    def trackables(self) -> dict[str, tf.Variable]:
        """Returns the generator's state."""
        return {"intervention/generator": self._generator.state}


def create(
    config: Config, agent: Any, masks: Mapping[Any, tf.Variable], generator: tf.random.Generator
) -> Reset:
    """Returns the Reset of a configuration; the other arguments are those of ``Reset``."""
    of = config.intervention
    return Reset(agent, masks, generator, every=of.reset_every, layers=of.reset_layers)
