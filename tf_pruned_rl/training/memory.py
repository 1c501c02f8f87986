"""How much memory a whole run takes: the replay, the networks, and the libraries themselves."""

from __future__ import annotations

import math

import tf_keras

from tf_pruned_rl import replay, runtime
from tf_pruned_rl.training.experiment import Experiment

_LIBRARIES = 800_000_000
"""Bytes of a process with TensorFlow, TF-Agents and an environment, measured on Linux."""
_COPIES = 6
"""Of every weight: online, target, Adam's two moments, gradient, mask."""


def process_bytes(experiment: Experiment) -> int:
    """Returns about how many bytes the process will take when the replay is full."""
    batch_size = experiment.config.learning.batch_size
    networks = experiment.learner.agent.networks.values()
    return (
        _LIBRARIES
        + replay.bytes_needed(experiment.config)
        + sum(network_bytes(model, batch_size) for model in networks)
    )


def network_bytes(model: tf_keras.Model, batch_size: int) -> int:
    """Returns about what training one network takes: copies of its weights, and a batch's activations.

    The forward pass keeps every layer's output for the backward pass, which makes as much again.
    """
    outputs = sum(math.prod(layer.output.shape[1:]) for layer in model.layers)
    return 4 * (_COPIES * model.count_params() + 2 * batch_size * outputs)


def describe(experiment: Experiment) -> str:
    """Returns one line: what the run will take, and what there is."""
    config = experiment.config
    whole, part = (
        f"{count / 1e9:.2f} GB" for count in (process_bytes(experiment), replay.bytes_needed(config))
    )
    ring = experiment.replay.ring
    steps = ring.length * ring.num_envs
    return (
        f"Memory: about {whole} when the replay is full ({steps:,} steps, {part}); "
        f"{runtime.available_bytes() / 1e9:.2f} GB available"
    )
