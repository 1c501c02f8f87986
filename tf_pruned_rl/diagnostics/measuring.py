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

# Keeps this generator apart from any other that is made from the same seed.
_STREAM = 0xD1A6
_CHUNK = 256
"""States that go through a network at a time: bounds the memory that measuring takes."""


class NoDiagnostics:
    """Measures nothing, at no time."""

    every = 0


class Diagnostics:
    """Measures an agent, and changes nothing of it.

    States are drawn uniformly from the replay by a generator that starts, at every measurement, from a
    seed made of the run's and the count of gradient steps: there is no state to save, and a run learns
    the same with diagnostics and without.

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
        """Builds the probes: the agent's own networks, read at more places.

        Args:
          config: what and how often.
          agent: with ``networks``, ``inputs``, ``estimates`` and ``objectives``.
          replay: where the states come from.
          masks: {reference of a kernel's variable: its mask}.
          seed: the run's.
        """
        self.every = config.diagnostics_every
        self.covariances: dict[str, np.ndarray] = {}
        self._config, self._agent, self._replay, self._masks = config, agent, replay, masks
        self._seed = seed
        self._learned: list[tf.Variable] = []
        self._generator = tf.random.Generator.from_seed(seed, alg="philox")
        sampler = UniformSampler(replay.ring, self._generator)
        self._draw = tf.function(lambda: sampler.draw(config.diagnostics_batch)[0])
        self._look = tf.function(self._look_at)
        self._gradients = tf.function(self._gradients_of)
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
        self._reseed(step)
        rows = self._draw()
        with undisturbed(self._agent):
            looks = [self._look(rows[at : at + _CHUNK]) for at in range(0, len(rows), _CHUNK)]
            values = self._values(looks)
            values |= self._covariance(rows[: self._config.covariance_batch])
        return values

    def save(self, directory: Path, frames: int) -> None:
        """Writes the latest covariances to ``directory``: an .npz of arrays, and one's heat map as .png.

        Args:
          directory: made if missing.
          frames: for the names of the files.
        """
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"gradient_covariance-{frames:012d}"
        np.savez_compressed(path.with_suffix(".npz"), **self.covariances)
        picture = tf.io.encode_png(heat_map(self.covariances["all"]))
        path.with_suffix(".png").write_bytes(picture.numpy())

    def _reseed(self, step: int) -> None:
        entropy = np.random.SeedSequence((self._seed, _STREAM, step)).generate_state(1, np.uint64)[0]
        self._generator.reset_from_seed(int(entropy >> np.uint64(1)))

    def _batch(self, rows: tf.Tensor) -> Batch:
        return self._replay.batch(rows, tf.ones(tf.shape(rows), tf.float32))

    def _look_at(self, rows: tf.Tensor) -> tuple[Any, ...]:
        """Returns estimates, and per network the neurons' mean activations and the features."""
        batch = self._batch(rows)
        inputs = self._agent.inputs(batch)
        seen = {}
        for name, probe in self._probes.items():
            neurons, features = probe(inputs[name])
            seen[name] = [dormant.mean_activation(outputs) for outputs in neurons], features
        return self._agent.estimates(batch), seen

    def _values(self, looks: list[tuple[Any, ...]]) -> dict[str, float]:
        estimates = zip(*(look[0] for look in looks), strict=True)
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
        sizes = [len(look[0][1]) for look in looks]
        asleep = neurons = 0
        for name in self._agent.networks:
            suffix = f"/{name}" if len(self._agent.networks) > 1 else ""
            for i, layer in enumerate(self._neurons[name]):
                means = np.average([look[1][name][0][i] for look in looks], axis=0, weights=sizes)
                count = dormant.count(tf.constant(means, tf.float32), self._config.dormant_threshold)
                values[f"dormant{suffix}/{layer.name}"] = count / len(means)
                asleep, neurons = asleep + count, neurons + len(means)
            for i, label in enumerate(self._features[name]):
                features = np.concatenate([look[1][name][1][i] for look in looks])
                key = "srank" if label == "penultimate" else f"srank_{label}"
                values[key + suffix] = float(effective_rank(features, self._config.srank_delta))
        return values | {"dormant": asleep / neurons}

    def _gradients_of(self, row: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            losses, self._learned = self._agent.objectives(self._batch(row))[0]
            loss = tf.reduce_sum(losses)
        return tape.gradient(loss, self._learned, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    def _covariance(self, rows: tf.Tensor) -> dict[str, float]:
        """Compares the gradients of single transitions by the agent's first loss."""
        each = [[g.numpy() for g in self._gradients(rows[i : i + 1])] for i in range(len(rows))]
        gradients = [np.stack(parts) for parts in zip(*each, strict=True)]
        masks = [self._masks.get(variable.ref()) for variable in self._learned]
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


def heat_map(matrix: np.ndarray, cell: int = 8) -> np.ndarray:
    """Returns uint8 [k cell, k cell, 3]: 1 is dark blue, 0 white, -1 dark red (the paper, figure 13)."""
    red, white, blue = np.array([103, 0, 31]), np.array([247, 247, 247]), np.array([5, 48, 97])
    share = np.clip(matrix, -1, 1)[:, :, None]
    colours = white + np.abs(share) * (np.where(share < 0, red, blue) - white)
    return np.kron(np.round(colours).astype(np.uint8), np.ones((cell, cell, 1), np.uint8))
