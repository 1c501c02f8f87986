"""The optimizer's memory of a variable, and fresh weights for it."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf
import tf_keras

Optimizer = tf_keras.optimizers.legacy.Optimizer


def optimizer_of(agent: Any, variable: tf.Variable) -> Optimizer:
    """Returns the one of the agent's optimizers that moves ``variable``."""
    for optimizer in agent.trackables().values():
        if isinstance(optimizer, Optimizer):
            try:
                optimizer.get_slot(variable, "m")
            except KeyError:
                continue
            return optimizer
    raise LookupError(f"no optimizer of {type(agent).__name__} moves {variable.name}")


def moments(agent: Any, variable: tf.Variable) -> tuple[tf.Variable, tf.Variable]:
    """Returns Adam's first and second moments of ``variable``."""
    optimizer = optimizer_of(agent, variable)
    return optimizer.get_slot(variable, "m"), optimizer.get_slot(variable, "v")


def glorot_uniform(generator: tf.random.Generator, shape: tf.TensorShape) -> tf.Tensor:
    """Draws a kernel (Glorot and Bengio, 2010): uniform on +-sqrt(6 / (fan in + fan out))."""
    *positions, inputs, outputs = shape
    limit = math.sqrt(6 / (math.prod(positions) * (inputs + outputs)))
    return generator.uniform(shape, -limit, limit)
