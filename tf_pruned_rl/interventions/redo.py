"""ReDo (Sokar et al., 2023): dormant neurons are initialised again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf
import tf_keras

from tf_pruned_rl import compute
from tf_pruned_rl.agents.gradients import undisturbed
from tf_pruned_rl.config import Config
from tf_pruned_rl.diagnostics import dormant
from tf_pruned_rl.interventions.base import Intervention
from tf_pruned_rl.interventions.slots import initial_value, moments
from tf_pruned_rl.networks import graph
from tf_pruned_rl.replay.uniform import UniformSampler

if TYPE_CHECKING:
    from tf_pruned_rl.replay import Replay


def recyclable_layers(model: tf_keras.Model) -> list[tf_keras.layers.Layer]:
    """Returns the layers whose neurons can be recycled: those with weights and a ReLU of their own.

    In the ResNet these are the first convolution of each residual block and the dense layer, as in Dopamine.
    """
    return [layer for layer in graph.weighted(model) if graph.is_rectified(layer)]


class Redo(Intervention):
    """Every so many gradient steps, recycles the neurons that are dormant on a batch of replay.

    A neuron's incoming weights are initialised again (glorot_uniform), its bias becomes 0, its outgoing
    weights become 0, and so do Adam's moments of these weights; Adam's count and its moments of biases do
    not change. Incoming sigmas of noisy layers have their own initial value. The target network changes at
    its next update. Outgoing weights are those of the layers that read the neuron, and after a flattening
    those of all its positions; Dopamine's code gets both wrong.

    Pruned weights stay 0. A neuron all of whose incoming weights are pruned stays dormant: its outgoing
    weights are set to 0 each time.
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
          every: gradient steps between recyclings.
          threshold: tau: a neuron whose score is at most this is dormant.
          batch_size: states in the batch.
        """
        self._agent, self._masks, self._generator = agent, masks, generator
        self._every, self._threshold, self._batch_size = every, threshold, batch_size
        self._layers = {name: recyclable_layers(model) for name, model in agent.networks.items()}
        self._probes = {
            name: compute.optimized(
                tf_keras.Model(model.inputs, [layer.output for layer in self._layers[name]]),
                agent.cpu_optimizations,
            )
            for name, model in agent.networks.items()
        }

    def after_gradient_step(self, step: tf.Tensor, replay: Replay) -> None:
        """Recycles if it is time."""
        tf.cond(tf.equal(step % self._every, 0), lambda: self._recycle_all(replay), lambda: False)

    def _recycle_all(self, replay: Replay) -> bool:
        rows, probabilities = UniformSampler(replay.ring, self._generator).draw(self._batch_size)
        with undisturbed(self._agent):
            inputs = self._agent.inputs(replay.batch(rows, probabilities))
            for name, probe in self._probes.items():
                self.recycle(name, probe(inputs[name]))
        return True

    def recycle(self, network: str, activations: list[tf.Tensor]) -> None:
        """Recycles the neurons of one network that are dormant.

        Args:
          network: its name.
          activations: of each of its ``recyclable_layers``, float [B, ..., neurons].
        """
        layers = self._layers[network]
        if len(layers) == 1 and not isinstance(activations, list):
            activations = [activations]
        dormant_of = [
            dormant.scores(dormant.mean_activation(outputs)) <= self._threshold for outputs in activations
        ]
        for layer, is_dormant in zip(layers, dormant_of, strict=True):
            for kernel in graph.kernels(layer):
                self._replace(kernel, is_dormant, initial_value(self._generator, layer, kernel))
            for bias in graph.biases(layer):
                bias.assign(tf.where(is_dormant, initial_value(self._generator, layer, bias), bias))
        # After all incoming weights: those from one dormant neuron to another become 0.
        for layer, is_dormant in zip(layers, dormant_of, strict=True):
            for reader in graph.readers(layer):
                for kernel in graph.kernels(reader):
                    # After a flattening a channel is at every position, and channels vary fastest.
                    repeated = tf.tile(is_dormant, [kernel.shape[-2] // is_dormant.shape[0]])
                    self._replace(kernel, repeated[:, None], tf.zeros_like(kernel))

    def _replace(self, kernel: tf.Variable, where: tf.Tensor, weights: tf.Tensor) -> None:
        """Replaces the weights at ``where``, except pruned ones, and sets their moments to 0."""
        mask = self._masks.get(kernel.ref())
        if mask is not None:
            weights = tf.where(mask > 0, weights, 0.0)
        kernel.assign(tf.where(where, weights, kernel))
        for slot in moments(self._agent, kernel):
            slot.assign(tf.where(where, 0.0, slot))

    def trackables(self) -> dict[str, tf.Variable]:
        """Returns the generator's state."""
        return {"intervention/generator": self._generator.state}


def create(
    config: Config, agent: Any, masks: Mapping[Any, tf.Variable], generator: tf.random.Generator
) -> Redo:
    """Returns the intervention of a run; see ``Redo``."""
    settings = config.intervention
    return Redo(
        agent,
        masks,
        generator,
        every=settings.redo_every,
        threshold=settings.redo_threshold,
        batch_size=settings.redo_batch,
    )
