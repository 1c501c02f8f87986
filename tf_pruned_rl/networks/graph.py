"""What lies where in a functional network: its rectified units, its last layers, and who reads whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import tensorflow as tf
import tf_keras

from tf_pruned_rl.errors import UserError

Layer: TypeAlias = tf_keras.layers.Layer


def nodes(model: tf_keras.Model) -> list[Any]:
    """Returns Keras's nodes, the calls of layers that make up a functional model, in their order.

    Raises:
      UserError: the model is not functional.
    """
    if not getattr(model, "_is_graph_network", False):
        raise UserError(
            f"{model.name} is no functional Keras model, so which layer reads which is unknown: "
            "build it with tf_keras.Model(inputs, outputs) or tf_keras.Sequential"
        )
    # A layer may have been called elsewhere too (Keras's clone_model does so), and not all of a Sequential
    # model's layers are among its ``layers``.
    by_depth = model._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def followers(model: tf_keras.Model) -> dict[Layer, list[Layer]]:
    """Returns {layer of a functional model: the layers that read its output}, in the model's order.

    Raises:
      UserError: the model is not functional.
    """
    readers_of: dict[Layer, list[Layer]] = {}
    for node in nodes(model):
        readers_of.setdefault(node.layer, [])
        for symbol in () if node.is_input else node.keras_inputs:
            readers_of[symbol._keras_history.layer].append(node.layer)
    return readers_of


def weighted(model: tf_keras.Model) -> list[Layer]:
    """Returns the layers that hold weights, in the network's order."""
    return [layer for layer in model.layers if layer.weights]


def rectified(model: tf_keras.Model) -> list[Layer]:
    """Returns the layers whose outputs are the network's hidden neurons after their ReLU, in order.

    Those with a ReLU of their own, and ReLU layers (in the ResNet the inputs of its residual blocks).
    Not the ReLU between the ResNet's convolutions and its dense layer, which Dopamine leaves out too:
    with width w its 12 convolutional layers here have 320 w neurons, and the dense layer 512.
    """
    return [layer for layer in model.layers if is_rectified(layer) and not _ends_encoder(layer)]


def is_rectified(layer: Layer) -> bool:
    """Says whether a layer's output is that of a ReLU."""
    return isinstance(layer, tf_keras.layers.ReLU) or (
        getattr(layer, "activation", None) is tf_keras.activations.relu
    )


def _ends_encoder(layer: Layer) -> bool:
    following = [node.outbound_layer for node in layer.outbound_nodes]
    return isinstance(layer, tf_keras.layers.ReLU) and any(
        isinstance(one, tf_keras.layers.Flatten) for one in following
    )


def readers(layer: Layer) -> list[Layer]:
    """Returns the layers with weights that are reached from a layer through layers without any."""
    found: list[Layer] = []
    for node in layer.outbound_nodes:
        following = node.outbound_layer
        found += [following] if following.weights else readers(following)
    return list(dict.fromkeys(found))


def last(model: tf_keras.Model) -> list[Layer]:
    """Returns the output layers: those with weights that no other such layer reads."""
    return [layer for layer in weighted(model) if not readers(layer)]


def penultimate(model: tf_keras.Model) -> list[Layer]:
    """Returns the layers with weights that only output layers read."""
    ends = last(model)
    return [layer for layer in weighted(model) if readers(layer) and set(readers(layer)) <= set(ends)]


def features(model: tf_keras.Model) -> dict[str, tf.Tensor]:
    """Returns symbolic float matrices [B, d]: ``penultimate``, what the output layers read.

    With convolutions also ``encoder``, their flattened output.
    """
    inputs = list({id(layer.input): layer.input for layer in last(model)}.values())
    found = {"penultimate": inputs[0] if len(inputs) == 1 else tf_keras.layers.Concatenate()(inputs)}
    flat = [layer.output for layer in model.layers if isinstance(layer, tf_keras.layers.Flatten)]
    return found | ({"encoder": flat[0]} if flat else {})


def kernels(layer: Layer) -> Iterator[tf.Variable]:
    """Yields a layer's weights of two or more dimensions."""
    return (variable for variable in layer.trainable_weights if len(variable.shape) > 1)


def biases(layer: Layer) -> Iterator[tf.Variable]:
    """Yields a layer's other weights."""
    return (variable for variable in layer.trainable_weights if len(variable.shape) == 1)
