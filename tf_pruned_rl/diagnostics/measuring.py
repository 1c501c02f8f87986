"""All diagnostics of an agent on one batch of its replay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from tf_pruned_rl import compute
from tf_pruned_rl.agents.gradients import undisturbed
from tf_pruned_rl.config.groups import DiagnosticsConfig
from tf_pruned_rl.diagnostics import dormant, gradient_covariance, norms
from tf_pruned_rl.diagnostics.srank import effective_rank
from tf_pruned_rl.networks import graph
from tf_pruned_rl.replay import Batch, Replay
from tf_pruned_rl.replay.uniform import UniformSampler
from tf_pruned_rl.seeding import Purpose, philox_seed

_CHUNK = 256
"""States in one call of a network: limits the memory that measuring takes."""


class NoDiagnostics:
    """Never measures: the diagnostics of a run without them."""

    every = 0


class Diagnostics:
    """Measures an agent, and changes nothing of it.

    States are sampled uniformly from the replay. The generator is seeded, at every measurement, by the run's
    seed and the number of gradient steps: there is no state to save, and a run learns the same with
    diagnostics and without.

    Attributes:
      every: frames between measurements.
      covariances: {kept: float64 [k, k], all: float64 [k, k]} of the latest one; see ``measure``.
    """

    def __init__(
        self,
        config: DiagnosticsConfig,
        agent: Any,
        replay: Replay,
        masks: Mapping[Any, tf.Variable],
        *,
        seed: int,
    ) -> None:
        """Builds models of the agent's own layers that also return hidden activations.

        Args:
          config: what is measured, and how often.
          agent: with ``networks``, ``inputs``, ``estimates`` and ``objectives``.
          replay: where the states come from.
          masks: {reference of a kernel's variable: its mask}.
          seed: the run's.
        """
        self.every = config.diagnostics_every
        self.covariances: dict[str, np.ndarray] = {}
        self._config, self._agent, self._replay, self._masks = config, agent, replay, masks
        self._seed = seed
        self._variables: list[tf.Variable] = []
        self._generator = tf.random.Generator.from_seed(seed, alg="philox")
        sampler = UniformSampler(replay.ring, self._generator)
        self._draw = tf.function(lambda: sampler.draw(config.diagnostics_batch)[0])
        self._observe = tf.function(self._observe_rows)
        self._gradients = tf.function(self._gradients_of_row)
        self._neurons = {name: graph.rectified(model) for name, model in agent.networks.items()}
        self._features = {name: graph.features(model) for name, model in agent.networks.items()}
        self._probes = {
            name: compute.optimized(
                tf_keras.Model(
                    model.inputs,
                    ([layer.output for layer in self._neurons[name]], list(self._features[name].values())),
                ),
                agent.cpu_optimizations,
            )
            for name, model in agent.networks.items()
        }

    def measure(self, step: int) -> dict[str, float]:
        """Returns the numbers for metrics.jsonl and TensorBoard, and keeps the covariances.

        Names: ``q_variance`` of Q(s, a) and ``target_variance`` of its targets, ``q_norm``,
        ``parameters_norm`` and ``parameters_norm_mean`` over tensors; ``srank`` of the last hidden layer
        and ``srank_encoder`` of the flattened convolutions; ``dormant``, a share in [0, 1] of all
        neurons, and ``dormant/`` with a layer; ``covariance_size`` and ``covariance_negative`` of the
        gradients by all weights, with ``_kept`` by those that are not pruned. Where an agent has
        several networks, a network's name follows.

        Args:
          step: gradient steps made so far.
        """
        rows = self.rows(step)
        with undisturbed(self._agent):
            chunks = [self._observe(rows[start : start + _CHUNK]) for start in range(0, len(rows), _CHUNK)]
            values = self._values(chunks)
            values |= self.measure_covariance(rows[: self._config.covariance_batch])
        return values

    def rows(self, step: int) -> tf.Tensor:
        """Returns the rows of the replay, int64 [B], that are measured after ``step`` gradient steps."""
        self._generator.reset_from_seed(philox_seed(self._seed, Purpose.DIAGNOSTICS, step))
        return self._draw()

    def save(self, directory: Path, frames: int) -> None:
        """Writes the latest covariances to ``directory``: an .npz of arrays, and one's heat map as .png.

        Args:
          directory: made if missing.
          frames: for the names of the files.
        """
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"gradient_covariance-{frames:012d}"
        np.savez_compressed(path.with_suffix(".npz"), **self.covariances)
        picture = tf.io.encode_png(gradient_covariance.heat_map(self.covariances["all"]))
        path.with_suffix(".png").write_bytes(picture.numpy())

    def _batch(self, rows: tf.Tensor) -> Batch:
        return self._replay.batch(rows, tf.ones(tf.shape(rows), tf.float32))

    def _observe_rows(self, rows: tf.Tensor) -> tuple[Any, dict[str, Any]]:
        """Returns the agent's estimates, and per network the neurons' mean activations and the features."""
        batch = self._batch(rows)
        inputs = self._agent.inputs(batch)
        activations = {}
        for name, probe in self._probes.items():
            neurons, features = probe(inputs[name])
            activations[name] = [dormant.mean_activation(outputs) for outputs in neurons], features
        return self._agent.estimates(batch), activations

    def _values(self, chunks: list[tuple[Any, dict[str, Any]]]) -> dict[str, float]:
        """Returns the numbers of all networks, from what ``_observe_rows`` returns for each chunk."""
        estimates = zip(*(estimates for estimates, _ in chunks), strict=True)
        q_values, chosen, targets = (np.concatenate(parts) for parts in estimates)
        models = self._agent.networks.values()
        parameters = [variable.numpy() for model in models for variable in model.trainable_variables]
        values = {
            "q_variance": norms.q_variance(chosen),
            "target_variance": norms.q_variance(targets),
            "q_norm": norms.q_norm(q_values),
            "parameters_norm": norms.parameters_norm(parameters),
            "parameters_norm_mean": norms.mean_parameters_norm(parameters),
        }
        sizes = [len(estimates[1]) for estimates, _ in chunks]
        num_dormant = num_neurons = 0
        for name in self._agent.networks:
            suffix = f"/{name}" if len(self._agent.networks) > 1 else ""
            activations = [of_chunk[name] for _, of_chunk in chunks]
            for i, layer in enumerate(self._neurons[name]):
                means = np.average([neurons[i] for neurons, _ in activations], axis=0, weights=sizes)
                count = dormant.count(tf.constant(means, tf.float32), self._config.dormant_threshold)
                values[f"dormant{suffix}/{layer.name}"] = count / len(means)
                num_dormant, num_neurons = num_dormant + count, num_neurons + len(means)
            for i, label in enumerate(self._features[name]):
                features = np.concatenate([of_chunk[i] for _, of_chunk in activations])
                key = "srank" if label == "penultimate" else f"srank_{label}"
                values[key + suffix] = float(effective_rank(features, self._config.srank_delta))
        return values | {"dormant": num_dormant / num_neurons}

    def _gradients_of_row(self, row: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            losses, self._variables = self._agent.objectives(self._batch(row))[0]
            loss = tf.reduce_sum(losses)
        return tape.gradient(loss, self._variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    def measure_covariance(self, rows: tf.Tensor) -> dict[str, float]:
        """Compares the gradients of single transitions by the agent's first loss; part of ``measure``.

        Args:
          rows: int64 [k], rows of the replay.

        Returns:
          {``covariance_...``: value}; the matrices are kept in ``covariances``.
        """
        of_rows = [[part.numpy() for part in self._gradients(rows[i : i + 1])] for i in range(len(rows))]
        gradients = [np.stack(parts) for parts in zip(*of_rows, strict=True)]
        masks = [self._masks.get(variable.ref()) for variable in self._variables]
        arrays = [None if mask is None else mask.numpy() for mask in masks]
        self.covariances = {
            "all": gradient_covariance.covariance(gradient_covariance.gram(gradients)),
            "kept": gradient_covariance.covariance(gradient_covariance.gram(gradients, arrays)),
        }
        values = {}
        for suffix, matrix in (("", self.covariances["all"]), ("_kept", self.covariances["kept"])):
            values[f"covariance_size{suffix}"] = gradient_covariance.mean_size(matrix)
            values[f"covariance_negative{suffix}"] = gradient_covariance.negative_share(matrix)
        return values
