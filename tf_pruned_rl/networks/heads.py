"""The end of every Q-network: the fully connected layer and the values, or distributions, of the actions."""

from __future__ import annotations

import tensorflow as tf
import tf_keras

DENSE_UNITS = 512
"""Units of the fully connected layer; the width does not scale it (networks.md, variant A)."""


def q_head(
    features: tf.Tensor,
    num_actions: int,
    num_atoms: int,
    *,
    initializer: tf_keras.initializers.Initializer | str,
    dtype: tf_keras.mixed_precision.Policy,
) -> tf.Tensor:
    """Returns Q-values, or the logits of the return's distribution, always in float32.

    Args:
      features: symbolic [B, H, W, C], in the compute dtype of ``dtype``.
      num_actions: A.
      num_atoms: 1 for Q-values; more for a categorical distribution (C51).
      initializer: of both kernels. Keras is handed its configuration, so each layer draws afresh.
      dtype: policy of the two dense layers.

    Returns:
      Symbolic float32 [B, A], or [B, A, num_atoms] if there is more than one atom.
    """
    config = tf_keras.initializers.serialize(tf_keras.initializers.get(initializer))
    x = tf_keras.layers.Flatten(name="flatten", dtype=dtype)(features)
    x = tf_keras.layers.Dense(
        DENSE_UNITS, activation="relu", kernel_initializer=config, name="dense", dtype=dtype
    )(x)
    x = tf_keras.layers.Dense(num_actions * num_atoms, kernel_initializer=config, name="head", dtype=dtype)(x)
    shape = (num_actions,) if num_atoms == 1 else (num_actions, num_atoms)
    # A float32 layer casts what it is given: values and losses never see bfloat16.
    return tf_keras.layers.Reshape(shape, name="values", dtype="float32")(x)
