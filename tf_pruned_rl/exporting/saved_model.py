"""Writes a network as a plain TensorFlow SavedModel that anybody can serve."""

from __future__ import annotations

import dataclasses
import functools
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
import tf_keras

from tf_pruned_rl import compute, durable, environments
from tf_pruned_rl.agents import outputs
from tf_pruned_rl.config import Config, ContinuousConfig, GameConfig
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
        with durable.disk_full_as_user_error(
            directory.parent,
            f"the policy in {directory}",
            "The older policy, if any, is kept: make room and give the same command again",
            temporary=temporary,
        ):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            if save is None:
                _save(trained.model, temporary, policy_function(trained.config, trained.model))
            else:
                save(temporary)
            description = _describe(temporary, trained) | dict(complete(temporary))
            policy_json.write(temporary, description)
            durable.replace_folder(temporary, directory)
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
def _(config: GameConfig, model: tf_keras.Model) -> tf.types.experimental.GenericFunction:
    q_values = q_function(model, config)

    @tf.function(input_signature=[tf.TensorSpec(model.input_shape, tf.uint8, name="observations")])
    def policy(observations: tf.Tensor) -> dict[str, tf.Tensor]:
        values = tf.ensure_shape(q_values(observations), (None, model.output_shape[1]))
        return {"actions": tf.argmax(values, axis=-1, output_type=tf.int32), "q_values": values}

    return policy


@policy_function.register
def _(config: ContinuousConfig, model: tf_keras.Model) -> tf.types.experimental.GenericFunction:
    low, high = environments.spaces(config.environment.env).bounds

    @tf.function(input_signature=[tf.TensorSpec(model.input_shape, tf.float32, name="observations")])
    def policy(observations: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"actions": outputs.greedy_actions(model(observations), low, high)}

    return policy


def q_function(model: tf_keras.Model, config: GameConfig) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns uint8[B, ...] -> float32[B, A]: the model, or the mean of its value distribution."""
    learner = config.learning
    # An array, which becomes a constant of the graph.
    support = outputs.atoms(learner.v_max, learner.num_atoms).numpy() if learner.loss == "c51" else None
    # The residual additions, in a form on which TensorFlow's graph fusions do not fail.
    network = compute.optimized(model)
    return lambda observations: outputs.q_values(tf.cast(network(observations), tf.float32), support)


def _check_replaceable(directory: Path) -> None:
    """Raises UserError if replacing ``directory`` would delete something other than a policy."""
    if directory.exists() and not directory.is_dir():
        raise UserError(f"{directory} is a file; give a directory for the policy")
    if directory.is_dir() and any(directory.iterdir()) and not (directory / policy_json.FILE).is_file():
        raise UserError(f"{directory} holds other files and no policy; give a new or empty directory")
