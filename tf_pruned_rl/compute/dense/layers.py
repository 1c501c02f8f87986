"""Implementations of Keras's layers, and which layers of a network they compute."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import tensorflow as tf
import tf_keras

from tf_pruned_rl.compute.computation import Implementation, StepState, Value, tensor
from tf_pruned_rl.compute.dense import order, parts
from tf_pruned_rl.compute.dense.relu import activate
from tf_pruned_rl.compute.dense.weights import read
from tf_pruned_rl.networks import graph
from tf_pruned_rl.networks.noisy import NoisyDense

Layer: TypeAlias = tf_keras.layers.Layer


def plan(model: tf_keras.Model) -> dict[Layer, Implementation]:
    """Returns {layer: implementation} for the layers of a functional model that are known here.

    Raises:
      UserError: the model is not functional.
    """
    turns = order.turns(model)
    implementations: dict[Layer, Implementation] = {}
    for layer, followers in graph.followers(model).items():
        if type(layer) is tf_keras.layers.Conv2D and layer.data_format == "channels_last" and layer.use_bias:
            pooled = [type(each) for each in followers] == [tf_keras.layers.MaxPool2D]
            implementations[layer] = Convolution(layer, turns[layer], in_parts=pooled)
        elif type(layer) is tf_keras.layers.MaxPool2D:
            implementations[layer] = MaxPooling(layer)
        elif type(layer) is tf_keras.layers.Dense and len(layer.input_shape) == 2 and layer.use_bias:
            implementations[layer] = Product(layer)
        elif type(layer) is NoisyDense:
            implementations[layer] = NoisyProduct(layer)
        elif type(layer) is tf_keras.layers.Add and len({tuple(shape) for shape in layer.input_shape}) == 1:
            implementations[layer] = Addition(layer)
    return implementations


@tf.custom_gradient
def add_bias(x: tf.Tensor, bias: tf.Tensor):
    """Adds float32 [C] to [B, H, W, C]; its gradient is a sum over B, H and W, as a product with ones.

    oneDNN joins a BiasAddGrad and the filter's gradient in one kernel, which in float32 takes up to twice as
    long as the two apart. A product is not joined, and takes half the time of TensorFlow's sum.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        rows = tf.reshape(upstream, [-1, upstream.shape[-1]])
        return upstream, tf.matmul(tf.ones([1, tf.shape(rows)[0]]), rows)[0]

    return tf.nn.bias_add(x, bias), gradient


class Convolution:
    """Keras's Conv2D: its kernel's gradient has a place in the order, its bias's is a product."""

    def __init__(self, layer: tf_keras.layers.Conv2D, turn: order.Turn, *, in_parts: bool) -> None:
        """Takes the layer's settings.

        Args:
          layer: with a bias, channels last.
          turn: of the kernel's gradient.
          in_parts: whether it computes a few images at a time, and hands them on so, for a pooling.
        """
        self._layer, self._turn = layer, turn
        self._dtype = tf.as_dtype(layer.compute_dtype)
        sizes = layer.output_shape[1:]
        self._image_bytes = math.prod(sizes) * self._dtype.size if in_parts and None not in sizes else 0

    def __call__(self, inputs: Sequence[Value], *, training: bool, state: StepState | None) -> Value:
        """Returns activation(inputs * kernel + bias), [B, H, W, C] in the compute dtype."""
        x = tf.cast(tensor(inputs[0]), self._dtype)
        if not self._image_bytes:
            return self._convolve(x, state)
        images = parts.split(x, self._image_bytes)
        return parts.Parts([self._convolve(part, state) for part in images])

    def _convolve(self, x: tf.Tensor, state: StepState | None) -> tf.Tensor:
        layer = self._layer
        kernel = read(layer.kernel, self._dtype, state)
        outputs = order.product(layer.convolution_op, x, kernel, state, self._turn)
        # In bfloat16 the joint kernel is the faster one.
        add = add_bias if self._dtype == tf.float32 else tf.nn.bias_add
        return activate(add(outputs, read(layer.bias, self._dtype, state)), layer.activation, state)


class MaxPooling:
    """Keras's MaxPool2D, of each of the parts that its inputs come in."""

    def __init__(self, layer: tf_keras.layers.MaxPool2D) -> None:
        """Takes the layer, which pools each part."""
        self._layer = layer

    def __call__(self, inputs: Sequence[Value], *, training: bool, state: StepState | None) -> Value:
        """Returns what the layer does, [B, H', W', C]."""
        (x,) = inputs
        images = x.parts if isinstance(x, parts.Parts) else [tensor(x)]
        return parts.join([self._layer(part) for part in images])


class Product:
    """Keras's Dense on [B, inputs], whose kernel's gradient does not hold up the layers before it.

    In the backward pass its kernel's gradient, and the optimizer's step with it, come after the inputs'
    gradient, for which all convolutions wait.
    """

    def __init__(self, layer: tf_keras.layers.Dense) -> None:
        """Takes the layer, with a bias."""
        self._layer = layer

    def __call__(self, inputs: Sequence[Value], *, training: bool, state: StepState | None) -> Value:
        """Returns activation(inputs * kernel + bias), [B, units] in the compute dtype."""
        layer, dtype = self._layer, tf.as_dtype(self._layer.compute_dtype)
        x = tf.cast(tensor(inputs[0]), dtype)
        kernel = read(layer.kernel, dtype, state)
        outputs = order.product(tf.matmul, x, kernel, state, order.Turn.CHAINED, after_inputs=True)
        return activate(tf.nn.bias_add(outputs, read(layer.bias, dtype, state)), layer.activation, state)


class NoisyProduct:
    """NoisyDense, its weights cast once in a gradient step."""

    def __init__(self, layer: NoisyDense) -> None:
        """Takes the layer."""
        self._layer = layer

    def __call__(self, inputs: Sequence[Value], *, training: bool, state: StepState | None) -> Value:
        """Returns activation(inputs * kernel + bias), [B, units] in the compute dtype."""
        layer, dtype = self._layer, tf.as_dtype(self._layer.compute_dtype)
        x = tf.cast(tensor(inputs[0]), dtype)
        outputs = tf.matmul(x, read(layer.kernel, dtype, state)) + read(layer.bias, dtype, state)
        if training:
            sigmas = (read(each, dtype, state) for each in (layer.kernel_sigma, layer.bias_sigma))
            outputs += layer.perturbation(x, *sigmas)
        return activate(outputs, layer.activation, state)


class Addition:
    """Keras's Add of two tensors of one shape, in a form that TensorFlow's graph fusions leave alone.

    They would join the additions of two residual blocks with the convolutions before them, do the one and
    lose the other (TensorFlow 2.19: "fanout exist for missing node"), and with it every fusion of the graph.
    """

    def __init__(self, layer: tf_keras.layers.Add) -> None:
        """Takes the layer."""
        self._layer = layer

    def __call__(self, inputs: Sequence[Value], *, training: bool, state: StepState | None) -> Value:
        """Returns the sum, of the inputs' shape."""
        total, *others = (tf.cast(tensor(each), self._layer.compute_dtype) for each in inputs)
        for each in others:
            total += tf.ensure_shape(each, each.shape)
        return total
