"""Losses and gradients beside training: of any agent, leaving its random numbers as they were."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import tensorflow as tf
import tf_keras

if TYPE_CHECKING:
    from tf_pruned_rl.replay.batch import Batch


@contextlib.contextmanager
def undisturbed(agent: Any) -> Iterator[None]:
    """Lets the agent draw random numbers, and puts its generators back afterwards.

    Inside a tf.function and outside. Learning then does not depend on who has looked.
    """
    state = agent.trackables().values()
    generators = [each for each in state if isinstance(each, tf.random.Generator)]
    # Noisy layers have one each.
    generators += [
        layer.generator
        for model in state
        if isinstance(model, tf_keras.Model)
        for layer in model.layers
        if hasattr(layer, "generator")
    ]
    before = [generator.state.read_value() for generator in generators]
    yield
    for generator, state in zip(generators, before, strict=True):
        generator.state.assign(state)


def dense_gradients(agent: Any, batch: Batch) -> dict[Any, tf.Tensor]:
    """Returns {reference of a variable: gradient of its mean loss}, of pruned weights too.

    Args:
      agent: with ``objectives`` and ``trackables``.
      batch: B transitions; importance weights are left out.
    """
    with undisturbed(agent):
        with tf.GradientTape(persistent=True) as tape:
            means = [(tf.reduce_mean(losses), variables) for losses, variables in agent.objectives(batch)]
        return {
            variable.ref(): gradient
            for mean, variables in means
            for variable, gradient in zip(variables, tape.gradient(mean, variables), strict=True)
        }
