"""A smaller network with the same outputs: without the channels and units that cannot influence them.

Two facts decide. *Constants*, from the inputs on: a channel that is the same number in every state
and at every position, as all weights that lead to it from anything else are zero. *Need*, from the
outputs back: a channel is needed where a layer that is needed reads it by a weight that is not zero,
unless it is a constant that the reader's bias can take over. What nothing needs goes.

A convolution pads with zeros, so a constant other than 0 is none at its borders: it stays, unless the
convolution has no padding. After a ReLU most constants are 0; after flattening every one can go.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tf_keras

from tf_pruned_rl.networks import streams, without_noise
from tf_pruned_rl.networks.streams import Layer, Stream

Constants = Mapping[str, np.ndarray]
"""{layer: float64 [features], the constants among what it writes, or reads; nan elsewhere}"""
Marks = Mapping[Stream, np.ndarray]
"""{stream: bool [channels]}"""


@dataclasses.dataclass(frozen=True)
class Compacted:
    """The smaller network, and what it lacks."""

    model: tf_keras.Model
    """A functional network with the inputs, outputs and names of layers of the one that it was made from."""
    removed: dict[str, list[int]]
    """{convolution or dense layer: the channels or units it had and has no more, counted from 0}"""


def compact(model: tf_keras.Model, multiple: int = 1) -> Compacted:
    """Returns a network without what cannot influence the outputs; they stay the same but for rounding.

    A layer of which nothing is needed keeps one channel, all zeros. Noisy layers become those of their
    means. The new network's variables are its own.

    TensorFlow Lite's sparse format needs ``multiple``: it keeps dense kernels in blocks of 4 inputs, and its
    results are wrong, without a word, where the inputs are no multiple of that.

    Args:
      model: a functional network, each layer of which is called once. Channels are taken out of
        convolutions and dense layers, and followed through ReLUs and other activations, max-pooling,
        additions, flattening and normalisation to norm 1; what any other layer reads or writes stays.
      multiple: of channels that a layer keeps; what is missing is filled up with channels that are all
        zeros, no more of them than it had.

    Raises:
      UserError: it is not functional, or calls a layer twice.
    """
    model = without_noise(model)
    stream_of = streams.find(model)
    sources = streams.sources(model)
    constants = _constants(sources)
    read = {layer.name: constants[before[0].name] for layer, before in sources.items() if before}
    needed = _needed(stream_of, read)
    present = {stream: _rounded_up(marks, multiple) for stream, marks in needed.items()}
    weights = {
        layer.name: _weights(
            layer, stream_of[sources[layer][0].name], stream_of[layer.name], read[layer.name], needed, present
        )
        for layer in model.layers
        if streams.is_linear(layer)
    }

    def smaller(layer: Layer) -> Layer:
        settings = layer.get_config()
        if layer.name in weights:
            kernel, bias = weights[layer.name]
            size = "filters" if isinstance(layer, tf_keras.layers.Conv2D) else "units"
            settings |= {size: kernel.shape[-1], "use_bias": layer.use_bias or bool(bias.any())}
        return type(layer).from_config(settings)

    clone = tf_keras.models.clone_model(model, clone_function=smaller)
    for layer in clone.layers:
        kernel_and_bias = weights.get(layer.name, model.get_layer(layer.name).get_weights())
        layer.set_weights(kernel_and_bias[: len(layer.weights)])
    removed = {name: np.flatnonzero(~present[stream_of[name]]).tolist() for name in weights}
    return Compacted(clone, removed)


def _constants(sources: Mapping[Layer, list[Layer]]) -> Constants:
    """Returns the constants in a network, each as the layer that it comes out of computes it."""
    constants: dict[str, np.ndarray] = {}
    for layer, before in sources.items():
        read = [constants[source.name] for source in before]
        match layer:
            case _ if streams.is_linear(layer) and streams.is_unit_by_unit(layer):
                constants[layer.name] = _constants_of_linear(layer, read[0])
            case _ if not streams.carries(layer):
                constants[layer.name] = np.full(layer.output.shape[-1], np.nan)
            case tf_keras.layers.Flatten():
                constants[layer.name] = np.tile(read[0], layer.output.shape[-1] // len(read[0]))
            case tf_keras.layers.Add():
                constants[layer.name] = np.sum(read, axis=0)
            case tf_keras.layers.MaxPool2D():
                constants[layer.name] = read[0]
            case tf_keras.layers.UnitNormalization():
                constants[layer.name] = np.where(read[0] == 0, 0.0, np.nan)
            case _:  # unit by unit
                constants[layer.name] = _applied(layer, read[0])
    return constants


def _constants_of_linear(layer: Layer, read: np.ndarray) -> np.ndarray:
    kernel, bias = _kernel(layer), _bias(layer)
    absorbed = ~np.isnan(read) & (_takes_constants(layer) | (read == 0))
    varies = (kernel[:, ~absorbed] != 0).any(axis=(0, 1))
    values = bias + np.where(absorbed, read, 0.0) @ kernel.sum(axis=0)
    return _applied(layer.activation, np.where(varies, np.nan, values))


def _applied(function, values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    results = function(tf.constant(np.where(known, values, 0.0)[None], tf.float32))
    return np.where(known, np.asarray(tf.cast(results, tf.float64))[0], np.nan)


def _takes_constants(layer: Layer) -> bool:
    """Says whether any constant adds the same to a layer's outputs everywhere: nothing is padded."""
    return not isinstance(layer, tf_keras.layers.Conv2D) or (
        layer.padding == "valid" or layer.kernel_size == (1, 1)
    )


def _needed(stream_of: Mapping[str, Stream], read: Constants) -> Marks:
    """Marks the channels that can influence the outputs; a constant that a bias takes over cannot."""
    needed = {stream: np.full(stream.channels, stream.fixed) for stream in stream_of.values()}
    links = {layer.name: _links(layer, read[layer.name]) for stream in needed for layer in stream.readers}
    grows = True
    while grows:
        grows = False
        for stream in reversed(needed):
            for layer in stream.readers:
                features = links[layer.name][:, needed[stream_of[layer.name]]].any(axis=1)
                more = features.reshape(-1, stream.channels).any(axis=0) & ~needed[stream]
                needed[stream] |= more
                grows |= bool(more.any())
    return needed


def _links(layer: Layer, read: np.ndarray) -> np.ndarray:
    """Returns bool [features read, channels written]: which of these cannot be had without which of those."""
    if isinstance(layer, tf_keras.layers.UnitNormalization):
        return np.repeat((read != 0)[:, None], len(read), axis=1)
    absorbed = ~np.isnan(read) & (_takes_constants(layer) | (read == 0))
    return (_kernel(layer) != 0).any(axis=0) & ~absorbed[:, None]


def _rounded_up(marks: np.ndarray, multiple: int) -> np.ndarray:
    """Returns ``marks`` with the first others, to a multiple, of which at least one."""
    count = max(1, -(-np.count_nonzero(marks) // multiple)) * multiple
    return marks | (np.cumsum(~marks) <= count - np.count_nonzero(marks))


def _weights(
    layer: Layer, source: Stream, target: Stream, read: np.ndarray, needed: Marks, present: Marks
) -> list[np.ndarray]:
    """Returns a layer's kernel and bias without what is not present, all zeros where it is not needed."""
    kernel = _kernel(layer)
    copies = len(read) // source.channels
    needed_in, present_in = (np.tile(marks[source], copies) for marks in (needed, present))
    needed_out, present_out = (marks[target] for marks in (needed, present))
    bias = _bias(layer) + np.where(needed_in | np.isnan(read), 0.0, read) @ kernel.sum(axis=0)
    bias = np.where(needed_out, bias, 0.0)[present_out]
    kernel = (kernel * (needed_in[:, None] & needed_out))[:, present_in][:, :, present_out]
    return [kernel.reshape(*layer.kernel.shape[:-2], *kernel.shape[1:]), bias]


def _kernel(layer: Layer) -> np.ndarray:
    """Returns float64 [positions, features read, channels written]."""
    kernel = layer.kernel.numpy().astype(np.float64)
    return kernel.reshape(-1, *kernel.shape[-2:])


def _bias(layer: Layer) -> np.ndarray:
    """Returns float64 [channels written]."""
    return layer.bias.numpy().astype(np.float64) if layer.use_bias else np.zeros(layer.kernel.shape[-1])
