"""The end of every Q-network: the fully connected layer and the values, or distributions, of the actions."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
import tf_keras

from tf_pruned_rl.networks.noisy import NoisyDense

DENSE_UNITS = 512
"""Units of the fully connected layer; the width does not scale it, as in Dopamine."""


class Dueling(tf_keras.layers.Layer):
    """Joins a value and advantages (Wang et al., 2016, equation 9): V + A - mean of A over the actions."""

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Returns [B, A] for values [B, 1] and advantages [B, A]; [B, A, atoms] for those of each atom."""
        value, advantages = inputs
        return value + advantages - tf.reduce_mean(advantages, axis=1, keepdims=True)


def q_head(
    features: tf.Tensor,
    num_actions: int,
    num_atoms: int,
    *,
    units: int = DENSE_UNITS,
    initializer: tf_keras.initializers.Initializer | str,
    dtype: tf_keras.mixed_precision.Policy,
    dueling: bool = False,
    noisy: bool = False,
    unit_features: bool = False,
) -> tf.Tensor:
    """Returns Q-values, or the logits of the return's distribution, always in float32.

    Args:
      features: symbolic [B, H, W, C], in the compute dtype of ``dtype``.
      num_actions: A.
      num_atoms: 1 for Q-values; more for a categorical distribution (C51).
      units: of the fully connected layer.
      initializer: of all kernels without noise. Keras is handed its configuration, so each layer
        draws afresh.
      dtype: policy of the dense layers.
      dueling: a value and advantages, from the same fully connected layer (as in Dopamine).
      noisy: all dense layers are noisy.
      unit_features: divide the dense layer's output, state by state, by its Euclidean norm (Kumar et
        al., 2022); all zeros stay zeros.

    Returns:
      Symbolic float32 [B, A], or [B, A, num_atoms] if there is more than one atom.
    """
    dense = _maker(noisy, initializer, dtype)
    x = tf_keras.layers.Flatten(name="flatten", dtype=dtype)(features)
    x = dense(units, "dense", "relu")(x)
    if unit_features:
        x = tf_keras.layers.UnitNormalization(name="unit", dtype="float32")(x)
    atoms = () if num_atoms == 1 else (num_atoms,)

    # A float32 layer casts what it is given: values and losses never see bfloat16.
    def rows(outputs: tf.Tensor, count: int, name: str) -> tf.Tensor:
        return tf_keras.layers.Reshape((count, *atoms), name=name, dtype="float32")(outputs)

    if not dueling:
        return rows(dense(num_actions * num_atoms, "head")(x), num_actions, "values")
    value = rows(dense(num_atoms, "value")(x), 1, "state_value")
    advantages = rows(dense(num_actions * num_atoms, "advantage")(x), num_actions, "advantages")
    return Dueling(name="values", dtype="float32")((value, advantages))


def _maker(
    noisy: bool,
    initializer: tf_keras.initializers.Initializer | str,
    dtype: tf_keras.mixed_precision.Policy,
) -> Callable[..., tf_keras.layers.Layer]:
    """Returns (units, name, activation) -> a dense layer of one kind."""
    config = tf_keras.initializers.serialize(tf_keras.initializers.get(initializer))

    def dense(units: int, name: str, activation: str | None = None) -> tf_keras.layers.Layer:
        if noisy:
            return NoisyDense(units, activation, name=name, dtype=dtype)
        return tf_keras.layers.Dense(
            units, activation=activation, kernel_initializer=config, name=name, dtype=dtype
        )

    return dense
