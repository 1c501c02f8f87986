"""ReDo (Sokar et al., 2023): dormant neurons start anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf
import tf_keras

from tf_pruned_rl import compute
from tf_pruned_rl.agents.gradients import undisturbed
from tf_pruned_rl.diagnostics import dormant
from tf_pruned_rl.interventions.base import Intervention
from tf_pruned_rl.interventions.slots import fresh, moments
from tf_pruned_rl.networks import graph
from tf_pruned_rl.replay.uniform import UniformSampler

if TYPE_CHECKING:
    from tf_pruned_rl.replay import Replay


def recycled(model: tf_keras.Model) -> list[tf_keras.layers.Layer]:
    """Returns the layers whose neurons may be recycled: those with weights and a ReLU of their own.

    In the ResNet the first convolution of each residual block and the dense layer, as in Dopamine.
    """
    return [layer for layer in graph.weighted(model) if graph.is_rectified(layer)]


class Redo(Intervention):
    """Every so many gradient steps, looks for dormant neurons on a batch of replay and recycles them.

    A neuron's incoming weights are drawn anew (glorot_uniform), its bias becomes 0, its outgoing weights
    become 0, and so do Adam's moments of these weights; its count and the moments of biases stay. Incoming
    sigmas of noisy layers start as they once did. The target network follows at its next update.
    Outgoing weights are those of the layers that really read the neuron, and behind a flattening all of
    its positions; Dopamine's code gets both wrong.

    Pruned weights stay 0. A neuron without any incoming weight left has no way back: it is found dormant
    each time, and its outgoing weights are set to 0 each time.
    """

    def __init__(
        self,
        agent: Any,
        masks: Mapping[Any, tf.Variable],
        generator: tf.random.Generator,
        *,
        every: int,
        threshold: float,
        batch_size: int,
    ) -> None:
        """Finds the layers.

        Args:
          agent: every one of its ``networks`` is treated.
          masks: {reference of a kernel's variable: its mask}.
          generator: of the batches and the new weights.
          every: gradient steps between searches.
          threshold: tau: a neuron whose score is at most this is dormant.
          batch_size: states that are looked at.
        """
        self._agent, self._masks, self._generator = agent, masks, generator
        self._every, self._threshold, self._batch_size = every, threshold, batch_size
        self._layers = {name: recycled(model) for name, model in agent.networks.items()}
        self._probes = {
            name: compute.optimized(
                tf_keras.Model(model.inputs, [layer.output for layer in self._layers[name]]),
                agent.cpu_optimizations,
            )
            for name, model in agent.networks.items()
        }

    def after_gradient_step(self, step: tf.Tensor, replay: Replay) -> None:
        """Recycles if it is time."""
        tf.cond(tf.equal(step % self._every, 0), lambda: self._search(replay), lambda: False)

    def _search(self, replay: Replay) -> bool:
        drawn = UniformSampler(replay.ring, self._generator).draw(self._batch_size)
        with undisturbed(self._agent):
            inputs = self._agent.inputs(replay.batch(*drawn))
            for name, probe in self._probes.items():
                self.recycle(name, probe(inputs[name]))
        return True

    def recycle(self, network: str, activations: list[tf.Tensor]) -> None:
        """Recycles the neurons of one network that are dormant.

        Args:
          network: its name.
          activations: of each of its ``recycled`` layers, float [B, ..., neurons].
        """
        layers = self._layers[network]
        if len(layers) == 1 and not isinstance(activations, list):
            activations = [activations]
        found = [
            dormant.scores(dormant.mean_activation(outputs)) <= self._threshold for outputs in activations
        ]
        for layer, asleep in zip(layers, found, strict=True):
            for kernel in graph.kernels(layer):
                self._replace(kernel, asleep, fresh(self._generator, layer, kernel))
            for bias in graph.biases(layer):
                bias.assign(tf.where(asleep, fresh(self._generator, layer, bias), bias))
        # After all incoming weights: those from one dormant neuron to another end up 0.
        for layer, asleep in zip(layers, found, strict=True):
            for reader in graph.readers(layer):
                for kernel in graph.kernels(reader):
                    # A flattened neuron lies at every position: channels run fastest.
                    repeated = tf.tile(asleep, [kernel.shape[-2] // asleep.shape[0]])
                    self._replace(kernel, repeated[:, None], tf.zeros_like(kernel))

    def _replace(self, kernel: tf.Variable, where: tf.Tensor, weights: tf.Tensor) -> None:
        """Puts other weights in the place of some, and zeros in their moments."""
        mask = self._masks.get(kernel.ref())
        if mask is not None:
            weights = tf.where(mask > 0, weights, 0.0)
        kernel.assign(tf.where(where, weights, kernel))
        for slot in moments(self._agent, kernel):
            slot.assign(tf.where(where, 0.0, slot))

    def trackables(self) -> dict[str, tf.Variable]:
        """Returns the generator's state."""
        return {"intervention/generator": self._generator.state}
