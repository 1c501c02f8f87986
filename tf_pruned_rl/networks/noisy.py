"""The dense layer with learned noise (Fortunato et al., 2018), and the network without it."""

from __future__ import annotations

import random

import tensorflow as tf
import tf_keras

_SIGMA = 0.1


class NoisyDense(tf_keras.layers.Layer):
    """A dense layer whose weights are drawn anew in each training call: mean + sigma * noise.

    The noise is factorised (their equations 10 and 11): entry (i, j) of the kernel's is f(p_i) f(q_j)
    with f(x) = sign(x) sqrt(|x|), the bias's is f(q_j), and p and q are standard normal, one draw for
    the whole batch. As in Dopamine means start uniform on +-1/sqrt(fan_in), and sigmas at
    0.1/sqrt(fan_in). The mean kernel and the sigma kernel are pruned each for itself.

    Attributes:
      generator: where the noise comes from; part of a checkpoint of the network.
    """

    def __init__(self, units: int, activation: str | None = None, **arguments: object) -> None:
        """Describes the layer.

        Args:
          units: outputs.
          activation: as of Keras's Dense.
          **arguments: as of any Keras layer.
        """
        super().__init__(**arguments)
        self.units = units
        self.activation = tf_keras.activations.get(activation)
        # Python's generator is one of those that tf_keras.utils.set_random_seed sets.
        self.generator = tf.random.Generator.from_seed(random.getrandbits(63), alg="philox")

    def build(self, input_shape: tf.TensorShape) -> None:
        """Makes the means and the sigmas."""
        fan_in = int(input_shape[-1])
        kernel_mean, bias_mean = (
            tf_keras.initializers.RandomUniform(-(fan_in**-0.5), fan_in**-0.5) for _ in range(2)
        )
        sigma = tf_keras.initializers.Constant(self._initial_sigma(fan_in))
        self.kernel = self.add_weight("kernel", (fan_in, self.units), initializer=kernel_mean)
        self.bias = self.add_weight("bias", (self.units,), initializer=bias_mean)
        self.kernel_sigma = self.add_weight("kernel_sigma", (fan_in, self.units), initializer=sigma)
        self.bias_sigma = self.add_weight("bias_sigma", (self.units,), initializer=sigma)
        super().build(input_shape)

    @staticmethod
    def _initial_sigma(fan_in: int) -> float:
        return _SIGMA * fan_in**-0.5

    def fresh_sigma(self, variable: tf.Variable) -> tf.Tensor | None:
        """Returns what ``variable`` started as, if it is one of this layer's sigmas."""
        if not any(variable is sigma for sigma in (self.kernel_sigma, self.bias_sigma)):
            return None
        return tf.fill(variable.shape, self._initial_sigma(self.kernel.shape[0]))

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns activation(inputs * kernel + bias), [B, units]; noisy only where ``training``."""
        outputs = tf.matmul(inputs, self.kernel) + self.bias
        if training:
            outputs += self.perturbation(inputs, self.kernel_sigma, self.bias_sigma)
        return self.activation(outputs)

    def perturbation(self, inputs: tf.Tensor, kernel_sigma: tf.Tensor, bias_sigma: tf.Tensor) -> tf.Tensor:
        """Draws the noise and returns what it adds before the activation, [B, units].

        Args:
          inputs: [B, inputs], in the compute dtype.
          kernel_sigma: [inputs, units], this layer's or a cast of it.
          bias_sigma: [units], the same.
        """
        p, q = (tf.cast(each, self.compute_dtype) for each in self.noise())
        # x (sigma * p q') = ((x * p) sigma) * q: no noisy kernel has to be made.
        return (tf.matmul(inputs * p, kernel_sigma) + bias_sigma) * q

    def noise(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Draws f(p), float32 [inputs], and f(q), float32 [units]."""
        normal = self.generator.normal([self.kernel.shape[0] + self.units])
        scaled = tf.sign(normal) * tf.sqrt(tf.abs(normal))
        return scaled[: -self.units], scaled[-self.units :]

    def get_prunable_weights(self) -> list[tf.Variable]:
        """Returns what tfmot may prune: both kernels, no biases."""
        return [self.kernel, self.kernel_sigma]

    def without_noise(self) -> tf_keras.layers.Dense:
        """Returns a plain layer that shares the mean kernel and the mean bias."""
        config = {"activation": self.activation, "name": self.name, "dtype": self.dtype_policy}
        plain = tf_keras.layers.Dense(self.units, **config)
        plain.build((None, self.kernel.shape[0]))
        plain.kernel, plain.bias = self.kernel, self.bias
        plain._trainable_weights = [self.kernel, self.bias]
        return plain

    def get_config(self) -> dict:
        """See Keras."""
        activation = tf_keras.activations.serialize(self.activation)
        return super().get_config() | {"units": self.units, "activation": activation}


def without_noise(model: tf_keras.Model) -> tf_keras.Model:
    """Returns the network of the mean weights, which it shares; ``model`` itself if it has no noise.

    Sigmas are of use in training alone, so this is what is exported.
    """
    if not any(isinstance(layer, NoisyDense) for layer in model.layers):
        return model

    def plain(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        return layer.without_noise() if isinstance(layer, NoisyDense) else layer

    return tf_keras.models.clone_model(model, clone_function=plain)
