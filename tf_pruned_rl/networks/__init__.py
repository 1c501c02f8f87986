"""Q-networks, as plain functional Keras models."""

from __future__ import annotations

import tensorflow as tf
import tf_keras

from tf_pruned_rl.config import ExperimentConfig, NetworkConfig, validation
from tf_pruned_rl.networks import heads, impala, minatar, nature
from tf_pruned_rl.networks.noisy import without_noise as without_noise


class Scale(tf_keras.layers.Rescaling):
    """A factor alone: Keras's layer adds its offset of zero to every number."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns inputs * scale."""
        return inputs * self.scale


def build(
    config: NetworkConfig,
    *,
    num_actions: int,
    num_atoms: int = 1,
    frame_shape: tuple[int, int, int] = (84, 84, 4),
    max_value: int = 255,
) -> tf_keras.Model:
    """Returns a freshly initialised Q-network.

    The Nature network follows Dopamine's initialisers: glorot_uniform for Q-values, and for a
    distribution variance_scaling(1/sqrt(3), fan_in, uniform), but with a dueling or noisy head
    glorot_uniform again. IMPALA has no published Rainbow head: it takes glorot_uniform in all cases, as
    MinAtar's network does in "Revisiting Rainbow".
    Biases start at 0. Noisy layers have initialisers of their own.

    Args:
      config: torso, width and precision.
      num_actions: A.
      num_atoms: 1 for Q-values, more for the logits of a distribution over that many atoms.
      frame_shape: height, width and channels of an observation.
      max_value: the largest value in an observation, which becomes 1.

    Returns:
      A model from uint8 [B, *frame_shape], or float32 of the same range, to float32 [B, A], or
      [B, A, num_atoms]. Called with ``training=True``, noisy layers draw their noise.

    Raises:
      UserError: there is no such network, or the width is out of its range.
    """
    for name in ("network", "width"):
        validation.check_field(name, getattr(config, name), ExperimentConfig)
    policy = tf_keras.mixed_precision.Policy("mixed_bfloat16" if config.mixed_precision else "float32")
    # Not uint8: observations that are brightened are no whole numbers.
    frames = tf_keras.Input(frame_shape, dtype="float32", name="frames")
    x = Scale(1 / max_value, name="scale", dtype="float32")(frames)
    initializer: tf_keras.initializers.Initializer | str = "glorot_uniform"
    units = heads.DENSE_UNITS
    if config.network == "impala":
        x = impala.encoder(x, config.width, dtype=policy)
    elif config.network == "minatar":
        units = minatar.DENSE_UNITS
        x = minatar.encoder(x, config.width, dtype=policy)
    else:
        if num_atoms > 1 and not (config.dueling or config.noisy):
            initializer = tf_keras.initializers.VarianceScaling(3**-0.5, "fan_in", "uniform")
        x = nature.encoder(x, config.width, initializer=initializer, dtype=policy)
    values = heads.q_head(
        x,
        num_actions,
        num_atoms,
        units=units,
        initializer=initializer,
        dtype=policy,
        dueling=config.dueling,
        noisy=config.noisy,
        unit_features=config.regularizer == "l2_unit",
    )
    return tf_keras.Model(frames, values, name=config.network)
