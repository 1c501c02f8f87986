"""From a network's outputs to the values of actions, and to actions."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def atoms(v_max: float, num_atoms: int) -> tf.Tensor:
    """Returns the support z of a categorical distribution, float32 [num_atoms], even on [-v_max, v_max]."""
    return tf.linspace(-v_max, v_max, num_atoms)


def q_values(outputs: tf.Tensor, support: tf.Tensor | None = None) -> tf.Tensor:
    """Returns Q-values, float32 [B, A].

    Args:
      outputs: of a Q-network: float32 [B, A]; or logits [B, A, num_atoms] of the return's distribution
        (Bellemare et al., 2017), whose means sum(z softmax(logits)) are the Q-values.
      support: float32 [num_atoms], the atoms z of the distribution; None where there is none.
    """
    return outputs if support is None else mean(tf.nn.softmax(outputs), support)


def mean(probabilities: tf.Tensor, support: tf.Tensor) -> tf.Tensor:
    """Returns the expectations of float32 [..., num_atoms]: [...]."""
    return tf.reduce_sum(probabilities * support, axis=-1)


def gaussian(outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns means and logarithms of deviations, each float32 [B, A], of an actor's outputs [B, 2A]."""
    means, log_deviations = tf.split(outputs, 2, axis=1)
    return means, log_deviations


def squash(raw: tf.Tensor, low: np.ndarray, high: np.ndarray) -> tf.Tensor:
    """Returns actions within their bounds, (high + low) / 2 + (high - low) / 2 tanh(raw).

    Args:
      raw: float32 [B, A].
      low: float32 [A], smallest actions.
      high: float32 [A], largest actions.
    """
    return (high + low) / 2 + (high - low) / 2 * tf.tanh(raw)


def greedy_actions(outputs: tf.Tensor, low: np.ndarray, high: np.ndarray) -> tf.Tensor:
    """Returns an actor's actions without noise, float32 [B, A]: its means, squashed into their bounds.

    Args:
      outputs: of the actor, float32 [B, 2A].
      low: float32 [A], smallest actions.
      high: float32 [A], largest actions.
    """
    return squash(gaussian(outputs)[0], low, high)
