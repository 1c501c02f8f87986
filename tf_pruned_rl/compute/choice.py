"""Which implementation computes which layer."""

from __future__ import annotations

import tf_keras

from tf_pruned_rl import runtime
from tf_pruned_rl.compute import dense
from tf_pruned_rl.compute.computation import Computation
from tf_pruned_rl.config import Config


def enabled(config: Config) -> bool:
    """Says whether a run's networks are computed by what is faster on a CPU.

    Not on a GPU, nor where XLA compiles the gradient step: each has an order of its own.
    """
    run = config.run
    return run.cpu_optimizations and not run.jit_compile and not runtime.tensorflow_gpus()


def optimized(model: tf_keras.Model, cpu_optimizations: bool = True) -> Computation:
    """Returns a function that computes what ``model`` does, faster on a CPU.

    Outputs and gradients are the model's, up to rounding.

    Args:
      model: a functional Keras model, built; its variables stay its own, and are read at each call.
      cpu_optimizations: False: each layer is computed by its own call.

    Returns:
      ``computation(inputs, training=False, state=None)``; see ``Computation``.

    Raises:
      UserError: the model is not functional.
    """
    return Computation(model, dense.plan(model) if cpu_optimizations else {})
