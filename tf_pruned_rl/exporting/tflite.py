"""Writes a network as a model for TensorFlow Lite: small where the weights are sparse."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf
import tf_keras

from tf_pruned_rl.config import Config
from tf_pruned_rl.exporting.saved_model import policy_function
from tf_pruned_rl.runtime import muted_stderr

MAX_INT8_INPUTS = 4_096
"""Inputs of a dense layer up to which TensorFlow Lite's kernel for int8 weights whose zeros come in
blocks is right; above it gives wrong values and no error (TensorFlow 2.15 to 2.19, LiteRT 2.3)."""

_WORTHWHILE = 0.9


@dataclass(frozen=True)
class Converted:
    """A model for TensorFlow Lite, and how it has to be run."""

    content: bytes
    """The .tflite file."""
    delegates: bool
    """Whether XNNPACK may run it: it takes no sparse int8 weights, and may read them wrongly."""


def convert(model: tf_keras.Model, config: Config, *, int8: bool) -> Converted:
    """Returns the greedy policy of a network, with the signature of its SavedModel.

    Zeros are left out of the file (``Optimize.EXPERIMENTAL_SPARSITY``) if that saves a tenth of it.

    Args:
      model: as of ``export_policy``; computed in float32, whatever it was trained in.
      config: the run's.
      int8: keep the weights as 8-bit integers, with scales of their own for each layer or channel;
        activations are quantised as they come (TensorFlow Lite's dynamic range).
    """
    model = float32(model)
    plain = _convert(model, config, int8=int8, sparse=False)
    sparse = _convert(_narrow(model) if int8 else model, config, int8=int8, sparse=True)
    if len(sparse) < _WORTHWHILE * len(plain):
        return Converted(sparse, delegates=not int8)
    return Converted(plain, delegates=True)


def float32(model: tf_keras.Model) -> tf_keras.Model:
    """Returns the network in float32; itself, if it already is."""
    if all(layer.compute_dtype == "float32" for layer in model.layers):
        return model

    def single(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        return type(layer).from_config(layer.get_config() | {"dtype": "float32"})

    clone = tf_keras.models.clone_model(model, clone_function=single)
    clone.set_weights(model.get_weights())
    return clone


def _convert(model: tf_keras.Model, config: Config, *, int8: bool, sparse: bool) -> bytes:
    module = tf.Module()
    module.weights = list(model.weights)
    function = policy_function(config, model).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
    converter.optimizations = [tf.lite.Optimize.DEFAULT] * int8
    if sparse:
        converter.optimizations += [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
        # One scale for a layer: XNNPACK takes the layers with a scale per unit to itself and misreads
        # their blocks, should somebody run the file with it after all.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    with muted_stderr():
        return converter.convert()


class _SlicedDense(tf_keras.layers.Layer):
    """A dense layer as the sum of several that read a part of its inputs each."""

    def __init__(self, dense: tf_keras.layers.Dense):
        super().__init__(name=dense.name)
        self.dense = dense

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns what the layer does, [B, units]."""
        kernel = self.dense.kernel
        starts = range(0, kernel.shape[0], MAX_INT8_INPUTS)
        parts = [
            tf.matmul(inputs[:, start : start + MAX_INT8_INPUTS], kernel[start : start + MAX_INT8_INPUTS])
            for start in starts
        ]
        outputs = tf.add_n(parts)
        return self.dense.activation(outputs + self.dense.bias if self.dense.use_bias else outputs)


def _narrow(model: tf_keras.Model) -> tf_keras.Model:
    """Returns the network, with its variables, without dense layers of more than 4,096 inputs."""

    def narrow(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        wide = isinstance(layer, tf_keras.layers.Dense) and layer.kernel.shape[0] > MAX_INT8_INPUTS
        return _SlicedDense(layer) if wide else layer

    return tf_keras.models.clone_model(model, clone_function=narrow)
