"""Which channels of a functional network stand or fall together.

A *stream* is a set of tensors whose channels correspond one to one: what a convolution or dense layer
writes, through activations, pooling and flattening, and through additions together with what the other
layers write that are added. A channel of it can only be taken out everywhere at once.
"""

from __future__ import annotations

import dataclasses
from typing import TypeAlias

import tf_keras

from tf_pruned_rl.errors import UserError
from tf_pruned_rl.networks import graph
from tf_pruned_rl.networks.noisy import NoisyDense

Layer: TypeAlias = tf_keras.layers.Layer

_UNIT_BY_UNIT = tuple(
    getattr(tf_keras.activations, name)
    for name in ("linear", "relu", "elu", "selu", "gelu", "tanh", "sigmoid", "softplus", "softsign", "swish")
)
"""Activations under which a unit's value depends on that unit alone, unlike softmax's."""


@dataclasses.dataclass(eq=False)
class Stream:
    """The channels of some tensors that correspond to each other."""

    channels: int
    """How many."""
    writers: list[Layer]
    """The convolutions and dense layers whose outputs they are, or are added up in them."""
    readers: list[Layer]
    """The layers in which channels meet: convolutions, dense layers and normalisations that read them."""
    fixed: bool
    """Whether none can go: they are inputs or outputs of the network, or a layer of another kind has them."""


def find(model: tf_keras.Model) -> dict[str, Stream]:
    """Returns {layer: the stream that its output belongs to}.

    Args:
      model: a functional network, each layer of which is called once; of any shape.

    Raises:
      UserError: it is none.
    """
    found: dict[str, Stream] = {}
    for layer, before in sources(model).items():
        read = [found[source.name] for source in before]
        if is_linear(layer):
            read[0].readers.append(layer)
            found[layer.name] = Stream(_size(layer), [layer], [], not is_unit_by_unit(layer))
        elif carries(layer):
            found[layer.name] = _join(read, found)
            if isinstance(layer, tf_keras.layers.UnitNormalization):
                read[0].readers.append(layer)
        else:
            for stream in read:
                stream.fixed = True
            found[layer.name] = Stream(_size(layer), [], [], True)
    for output in model.outputs:
        found[output._keras_history.layer.name].fixed = True
    return found


def sources(model: tf_keras.Model) -> dict[Layer, list[Layer]]:
    """Returns {layer of a functional network: the layers whose outputs it reads}, these before it.

    Raises:
      UserError: one is called more than once.
    """
    found: dict[Layer, list[Layer]] = {}
    for node in graph.nodes(model):
        if node.layer in found:
            raise UserError(
                f"layer {node.layer.name} is called more than once: give every call a layer of its own"
            )
        before = [] if node.is_input else [tensor._keras_history.layer for tensor in node.keras_inputs]
        found[node.layer] = before
    return found


def is_linear(layer: Layer) -> bool:
    """Says whether a layer is a plain convolution or dense layer, activation included."""
    if type(layer).__name__.endswith("Transpose"):
        return False
    if isinstance(layer, tf_keras.layers.Conv2D):
        return layer.groups == 1 and layer.data_format == "channels_last"
    return isinstance(layer, tf_keras.layers.Dense | NoisyDense)


def is_unit_by_unit(layer: Layer) -> bool:
    """Says whether a layer's activation leaves each unit to itself."""
    return layer.activation in _UNIT_BY_UNIT


def carries(layer: Layer) -> bool:
    """Says whether each channel of a layer's output comes from the same channel of its inputs alone.

    With a normalisation but for the common factor.
    """
    if isinstance(layer, tf_keras.layers.Add):
        return len({tuple(tensor.shape) for tensor in layer.input}) == 1
    if isinstance(layer, tf_keras.layers.Activation):
        return is_unit_by_unit(layer)
    if isinstance(layer, tf_keras.layers.Flatten | tf_keras.layers.MaxPool2D):
        return layer.data_format == "channels_last"
    kinds = tf_keras.layers.ReLU | tf_keras.layers.Rescaling | tf_keras.layers.UnitNormalization
    return isinstance(layer, kinds)


def _join(streams: list[Stream], found: dict[str, Stream]) -> Stream:
    """Makes one stream of several, in ``found`` too."""
    first, *others = dict.fromkeys(streams)
    for other in others:
        first.writers += other.writers
        first.readers += other.readers
        first.fixed |= other.fixed
        found.update({name: first for name, stream in found.items() if stream is other})
    return first


def _size(layer: Layer) -> int:
    size = getattr(layer.output, "shape", (None,))[-1]
    if size is None:
        raise UserError(
            f"layer {layer.name} ({type(layer).__name__}) has several outputs, or one of unknown size: its "
            "channels cannot be counted"
        )
    return int(size)
