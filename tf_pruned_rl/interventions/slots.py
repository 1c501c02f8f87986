"""Adam's moments of a variable, and new initial values for it."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import tensorflow as tf
import tf_keras

from tf_pruned_rl.networks.noisy import NoisyDense

Optimizer: TypeAlias = tf_keras.optimizers.legacy.Optimizer


def optimizer_of(agent: Any, variable: tf.Variable) -> Optimizer:
    """Returns the one of the agent's optimizers that updates ``variable``."""
    for optimizer in agent.trackables().values():
        if isinstance(optimizer, tf_keras.optimizers.legacy.Optimizer):
            try:
                optimizer.get_slot(variable, "m")
            except KeyError:
                continue
            return optimizer
    raise LookupError(f"no optimizer of {type(agent).__name__} updates {variable.name}")


def moments(agent: Any, variable: tf.Variable) -> tuple[tf.Variable, tf.Variable]:
    """Returns Adam's first and second moments of ``variable``."""
    optimizer = optimizer_of(agent, variable)
    return optimizer.get_slot(variable, "m"), optimizer.get_slot(variable, "v")


def initial_value(
    generator: tf.random.Generator, layer: tf_keras.layers.Layer, variable: tf.Variable
) -> tf.Tensor:
    """Returns a new initial value of one of a layer's variables.

    Kernels are ``glorot_uniform``, whatever their own initializer, biases are 0. The sigmas of a noisy layer
    have their own initial value: with ``glorot_uniform`` they would be some ten times as large, and 0 would
    end the noise.

    Args:
      generator: of the kernels.
      layer: a layer with weights.
      variable: one of them.

    Returns:
      A float32 tensor like ``variable``.
    """
    sigma = layer.fresh_sigma(variable) if isinstance(layer, NoisyDense) else None
    if sigma is not None:
        return sigma
    if variable.shape.rank == 1:
        return tf.zeros_like(variable)
    return glorot_uniform(generator, variable.shape)


def glorot_uniform(generator: tf.random.Generator, shape: tf.TensorShape) -> tf.Tensor:
    """Returns a random kernel (Glorot and Bengio, 2010): uniform on +-sqrt(6 / (fan in + fan out))."""
    *positions, inputs, outputs = shape
    limit = math.sqrt(6 / (math.prod(positions) * (inputs + outputs)))
    return generator.uniform(shape, -limit, limit)
