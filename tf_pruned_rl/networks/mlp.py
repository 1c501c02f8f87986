"""The fully connected networks of continuous control: a Gaussian actor and critics of state and action."""

from __future__ import annotations

import tf_keras

HIDDEN_UNITS = 256
"""Units of each of the two hidden layers at width 1 (Haarnoja et al., 2018; Graesser et al., 2022)."""


def actor(width: float, observation_size: int, action_size: int) -> tf_keras.Model:
    """Returns a fresh actor: float32 [B, D] -> [B, 2A], the means and the logarithms of the deviations.

    Both are of the Gaussian before it is squashed; the deviations are not clipped.

    Args:
      width: multiplies the hidden units.
      observation_size: D.
      action_size: A.
    """
    return _mlp("actor", width, observation_size, 2 * action_size)


def critic(width: float, observation_size: int, action_size: int) -> tf_keras.Model:
    """Returns a fresh critic: float32 [B, D + A], observations beside actions, -> [B, 1], their values.

    Args:
      width: multiplies the hidden units.
      observation_size: D.
      action_size: A.
    """
    return _mlp("critic", width, observation_size + action_size, 1)


def _mlp(name: str, width: float, inputs: int, outputs: int) -> tf_keras.Model:
    """Returns two ReLU layers and a linear one, kernels glorot_uniform, biases 0."""
    units = max(1, int(HIDDEN_UNITS * width))
    x = given = tf_keras.Input((inputs,), dtype="float32", name="inputs")
    for number in (1, 2):
        x = tf_keras.layers.Dense(units, activation="relu", name=f"hidden{number}")(x)
    return tf_keras.Model(given, tf_keras.layers.Dense(outputs, name="output")(x), name=name)
