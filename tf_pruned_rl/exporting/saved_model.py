"""Writes a network as a plain TensorFlow SavedModel that anybody can serve."""

from __future__ import annotations

import dataclasses
import functools
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from tf_pruned_rl import environments
from tf_pruned_rl.config import Config, ContinuousConfig, ExperimentConfig
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.policies import policy_json
from tf_pruned_rl.policies.policy_json import TrainingFacts


@dataclasses.dataclass(frozen=True)
class Trained:
    """What an export is made of."""

    model: tf_keras.Model
    """The plain functional network (the twin of a pruned one), without noise: uint8[B, *observation_shape]
    -> float32[B, A], or logits float32[B, A, num_atoms] when ``config.learning.loss`` is c51; or an actor,
    float32[B, D] -> float32[B, 2A]."""
    config: Config
    """The run's."""
    action_meanings: Sequence[str]
    """One name per action; none in continuous control."""
    layers: Sequence[Mapping[str, Any]]
    """One row per kernel (see ``pruning.summaries``)."""
    target_sparsity: float
    """What the schedule asks for, in [0, 1)."""
    training: TrainingFacts
    """How far it was trained."""


def export_policy(
    trained: Trained,
    directory: Path | str,
    *,
    save: Callable[[Path], None] | None = None,
    complete: Callable[[Path], Mapping[str, Any]] = lambda directory: {"format": "saved_model"},
) -> dict:
    """Writes ``directory``: a SavedModel of the greedy policy, and its policy.json.

    The signature ``serving_default`` maps observations uint8[batch, *observation_shape] (newest frame last)
    to actions int32[batch] and q_values float32[batch, num_actions]; in continuous control float32
    [batch, D] to actions float32[batch, A]. Its variables are the network's
    weights, as they are, and nothing else.

    The directory appears whole or not at all; an older policy there is replaced.

    Args:
      trained: the policy.
      directory: where to write.
      save: writes the model's files into the folder it is given; None is the SavedModel.
      complete: called with the folder when they are there, returns what policy.json says besides; what
        it raises leaves ``directory`` as it was.

    Returns: the content of policy.json.

    Raises:
      UserError: ``directory`` cannot be written, or holds something that is no policy.
    """
    directory = Path(os.path.abspath(directory))
    _check_replaceable(directory)
    temporary = directory.with_name(f".{directory.name}.writing")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        if save is None:
            _save(trained.model, temporary, policy_function(trained.config, trained.model))
        else:
            save(temporary)
        description = _describe(temporary, trained) | dict(complete(temporary))
        policy_json.write(temporary, description)
        _sync(temporary)
        _replace(temporary, directory)
    except OSError as error:
        raise UserError(
            f"cannot write the policy to {directory}: {error.strerror or error}; choose another place"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return description


def _describe(directory: Path, trained: Trained) -> dict:
    """Returns the content of policy.json for the files in ``directory``."""
    return policy_json.describe(
        directory,
        config=trained.config,
        action_meanings=trained.action_meanings,
        observation_shape=tuple(trained.model.input_shape[1:]),
        layers=trained.layers,
        target_sparsity=trained.target_sparsity,
        parameters=trained.model.count_params(),
        training=trained.training,
    )


def _save(model: tf_keras.Model, directory: Path, policy: tf.types.experimental.GenericFunction) -> None:
    """Saves the graph ``policy`` and the model's weights."""
    # Only the variables are attached, not the Keras model: that would bring its layers' functions,
    # configuration and metrics along.
    module = tf.Module()
    module.weights = list(model.weights)
    tf.saved_model.save(module, str(directory), signatures={policy_json.SIGNATURE: policy})


@functools.singledispatch
def policy_function(config: Config, model: tf_keras.Model) -> tf.types.experimental.GenericFunction:
    """Returns the graph of the greedy policy: observations -> {name: tensor}."""
    raise TypeError(f"no policies for a {type(config).__name__}")


@policy_function.register
def _(config: ExperimentConfig, model: tf_keras.Model) -> tf.types.experimental.GenericFunction:
    q_values = q_function(model, config)

    @tf.function(input_signature=[tf.TensorSpec(model.input_shape, tf.uint8, name="observations")])
    def policy(observations: tf.Tensor) -> dict[str, tf.Tensor]:
        values = tf.ensure_shape(q_values(observations), (None, model.output_shape[1]))
        return {"actions": tf.argmax(values, axis=-1, output_type=tf.int32), "q_values": values}

    return policy


@policy_function.register
def _(config: ContinuousConfig, model: tf_keras.Model) -> tf.types.experimental.GenericFunction:
    spaces = environments.spaces(config.environment.env)
    low, high = (np.asarray(bounds, np.float32) for bounds in (spaces.low, spaces.high))

    @tf.function(input_signature=[tf.TensorSpec(model.input_shape, tf.float32, name="observations")])
    def policy(observations: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"actions": most_likely(model(observations), low, high)}

    return policy


def most_likely(outputs: tf.Tensor, low: np.ndarray, high: np.ndarray) -> tf.Tensor:
    """Returns the deterministic actions of an actor: the mean, squashed into its bounds by tanh.

    Args:
      outputs: float32[B, 2A], means and logarithms of the deviations.
      low: float32[A], smallest actions.
      high: float32[A], largest actions.

    Returns:
      float32[B, A].
    """
    mean, _ = tf.split(outputs, 2, axis=1)
    return (high + low) / 2 + (high - low) / 2 * tf.tanh(mean)


def q_function(model: tf_keras.Model, config: ExperimentConfig):
    """Returns uint8[B, ...] -> float32[B, A]: the model, or the mean of its value distribution.

    The latter is sum(z * softmax(logits)) over the support z of Bellemare et al. (2017).
    """
    learner = config.learning
    if learner.loss != "c51":
        return lambda observations: tf.cast(model(observations, training=False), tf.float32)
    support = np.linspace(-learner.v_max, learner.v_max, learner.num_atoms, dtype=np.float32)

    def mean(observations: tf.Tensor) -> tf.Tensor:
        logits = tf.cast(model(observations, training=False), tf.float32)
        return tf.reduce_sum(support * tf.nn.softmax(logits), axis=-1)

    return mean


def _check_replaceable(directory: Path) -> None:
    """Raises UserError if replacing ``directory`` would delete something other than a policy."""
    if directory.exists() and not directory.is_dir():
        raise UserError(f"{directory} is a file; give a directory for the policy")
    if directory.is_dir() and any(directory.iterdir()) and not (directory / policy_json.FILE).is_file():
        raise UserError(f"{directory} holds other files and no policy; give a new or empty directory")


def _sync(directory: Path) -> None:
    """Forces every file and directory below ``directory`` to the disk."""
    for path in [*directory.rglob("*"), directory]:
        _sync_one(path)


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(temporary: Path, directory: Path) -> None:
    """Renames ``temporary`` to ``directory``; what was there goes once the new one stands."""
    old = directory.with_name(f".{directory.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if directory.exists():
        directory.rename(old)
    temporary.rename(directory)
    _sync_one(directory.parent)
    shutil.rmtree(old, ignore_errors=True)
