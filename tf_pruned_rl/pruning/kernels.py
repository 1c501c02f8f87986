"""The kernels of networks: the weights that can be pruned, in Keras models and TF-Agents agents."""

from __future__ import annotations

import dataclasses
import fnmatch
import math
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import tensorflow as tf
import tf_keras
from tensorflow_model_optimization.python.core.sparsity.keras import prune_registry

from tf_pruned_rl.errors import UserError

Layer: TypeAlias = tf_keras.layers.Layer
LayerFilter = str | Callable[[Layer], bool]
"""Which layers: a pattern of their names (see ``select``), or a function that says so of each layer."""


@dataclasses.dataclass(frozen=True, eq=False)
class Kernel:
    """One weight matrix or filter bank."""

    name: str
    """The layer's name; with a slash and the weight's name, where the layer has several kernels."""
    layer: Layer
    variable: tf.Variable
    positions: int
    """Output positions at which every weight is used once (1 in a dense layer)."""
    network: Layer
    """The network it belongs to."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its dimensions, outputs last."""
        return tuple(self.variable.shape)

    @property
    def size(self) -> int:
        """Its number of weights."""
        return math.prod(self.shape)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the dense kernel per example."""
        return self.size * self.positions


def networks_of(source: object) -> dict[str, Layer]:
    """Returns {name: network} of what a user hands in.

    Args:
      source: a Keras model or layer, a TF-Agents network, a mapping {name: network}, or a TF-Agents agent:
        its networks except the target networks.
    """
    if isinstance(source, Mapping):
        return dict(source)
    if isinstance(source, tf_keras.layers.Layer):
        return {source.name: source}
    return {name: network for name, network in _agent_networks(source).items() if "target" not in name}


def target_pairs(source: object) -> list[tuple[tf.Variable, tf.Variable]]:
    """Returns pairs (kernel of a target network, the same of its online network).

    Args:
      source: as of ``networks_of``; only TF-Agents agents have target networks.
    """
    if isinstance(source, Mapping) or isinstance(source, tf_keras.layers.Layer):
        return []
    networks, pairs = _agent_networks(source), []
    for name, target in networks.items():
        online = networks.get(name.replace("target_", "", 1))
        if "target" in name and online is not None:
            copies = zip(_kernels(target, set()), _kernels(online, set()), strict=True)
            pairs += [(copy.variable, kernel.variable) for copy, kernel in copies]
    return pairs


def _agent_networks(agent: object) -> dict[str, Layer]:
    # TF-Agents keeps networks in private attributes: _q_network and _target_q_network, for example.
    attributes = getattr(agent, "__dict__", {})
    return {
        name.strip("_"): value
        for name, value in attributes.items()
        if isinstance(value, tf_keras.layers.Layer)
    }


def find(network: Layer) -> list[Kernel]:
    """Returns the kernels of one network; see ``find_all``."""
    (kernels,) = find_all({network.name: network}).values()
    return kernels


def find_all(networks: Mapping[str, Layer]) -> dict[str, list[Kernel]]:
    """Returns {name of a network: its kernels}, for each network that has a kernel.

    A kernel is a weight of two or more dimensions: those of convolutions and dense layers, first and last
    layers included; biases never. Nested layers are searched too. tfmot's registry says which weights of
    a layer can be pruned, or the layer's own ``get_prunable_weights()``. A kernel in several networks
    counts in the first. Where there are several networks, their names are part of the kernels' names.

    Args:
      networks: {name: Keras model or layer, or TF-Agents network}. Variables must exist.

    Raises:
      UserError: there is no kernel, a layer is not built, or it has a kernel that tfmot does not know.
    """
    counted: set[int] = set()
    kernels = {name: _kernels(network, counted) for name, network in networks.items()}
    kernels = {name: of_network for name, of_network in kernels.items() if of_network}
    if not kernels:
        raise UserError(
            "there is no kernel to prune: give a built Keras model, a TF-Agents agent, or {name: model}"
        )
    if len(kernels) == 1:
        return kernels
    return {
        name: [dataclasses.replace(kernel, name=f"{name}/{kernel.name}") for kernel in of_network]
        for name, of_network in kernels.items()
    }


def select(
    kernels: Mapping[str, list[Kernel]], prune_layers: str = "", exclude: LayerFilter = ""
) -> dict[str, list[Kernel]]:
    """Returns the kernels to prune, for each network that has one.

    A pattern is one or more names with the wildcards of a shell (``*``, ``?``, ``[...]``), separated by
    commas: of layers, or with a slash of networks and their layers (``actor/hidden*``).

    Args:
      kernels: {name of a network: its kernels}, as of ``find_all``.
      prune_layers: pattern of the layers to prune; empty: all.
      exclude: the layers to leave dense.

    Raises:
      UserError: a part of a pattern matches no layer, or no layer remains.
    """
    labels = {
        kernel: (kernel.layer.name, f"{name}/{kernel.layer.name}")
        for name, of_network in kernels.items()
        for kernel in of_network
    }
    chosen = _matching("prune_layers", prune_layers, labels) if prune_layers else set(labels)
    if isinstance(exclude, str):
        chosen -= _matching("exclude", exclude, labels)
    else:
        chosen = {kernel for kernel in chosen if not exclude(kernel.layer)}
    if not chosen:
        raise UserError(
            "no layer remains to be pruned: exclude fewer; the layers are " + _layer_names(labels)
        )
    selection = {name: [kernel for kernel in group if kernel in chosen] for name, group in kernels.items()}
    return {name: of_network for name, of_network in selection.items() if of_network}


def _matching(option: str, pattern: str, labels: Mapping[Kernel, tuple[str, str]]) -> set[Kernel]:
    """Returns the kernels of the layers that a pattern matches.

    Args:
      option: the pattern's name in error messages.
      pattern: see ``select``.
      labels: {kernel: (layer, network/layer)}.
    """
    matches: set[Kernel] = set()
    for part in filter(None, (part.strip() for part in pattern.split(","))):
        of_part = {
            kernel for kernel, names in labels.items() if fnmatch.fnmatchcase(names["/" in part], part)
        }
        if not of_part:
            raise UserError(
                f"--{option}={pattern}: {part} matches no layer; the layers that can be pruned are "
                + _layer_names(labels)
            )
        matches |= of_part
    return matches


def _layer_names(labels: Mapping[Kernel, tuple[str, str]]) -> str:
    return ", ".join(dict.fromkeys(name for name, _ in labels.values()))


def _kernels(network: Layer, counted: set[int]) -> list[Kernel]:
    """Returns the network's kernels except those whose id is in ``counted``, and adds theirs to it."""
    kernels: list[Kernel] = []
    for layer in network._flatten_layers():
        for label, variable in _prunable(layer):
            if id(variable) not in counted:
                counted.add(id(variable))
                name = _unique(label, {kernel.name for kernel in kernels})
                kernels.append(Kernel(name, layer, variable, _positions(layer), network))
    return kernels


def _prunable(layer: Layer) -> Iterator[tuple[str, tf.Variable]]:
    """Yields (label, weight) for each kernel that the layer itself holds."""
    if not hasattr(layer, "get_prunable_weights"):
        if not prune_registry.PruneRegistry.supports(layer):
            if any(len(variable.shape) > 1 for variable in layer._trainable_weights):
                raise UserError(
                    f"layer {layer.name} ({type(layer).__name__}) has a kernel that tfmot cannot prune; "
                    "give it a method get_prunable_weights() that returns it, or [] to leave it dense"
                )
            return
        prune_registry.PruneRegistry.make_prunable(layer)
    try:
        weights = [variable for variable in layer.get_prunable_weights() if len(variable.shape) > 1]
    except AttributeError as error:
        raise UserError(
            f"layer {layer.name} has no weights yet: build its network before it is pruned"
        ) from error
    for variable in weights:
        own_name = variable.name.split("/")[-1].split(":")[0]
        yield (layer.name if len(weights) == 1 else f"{layer.name}/{own_name}"), variable


def _unique(name: str, names: set[str]) -> str:
    """Returns ``name``, with a number if ``names`` has it: nested networks may repeat a layer's name."""
    number, candidate = 1, name
    while candidate in names:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


def _positions(layer: Layer) -> int:
    """Returns the positions of the layer's output: height times width of a convolution's."""
    config = layer.get_build_config()
    if not config:
        return 1
    output = tf.TensorShape(layer.compute_output_shape(config["input_shape"])).as_list()
    channels_first = getattr(layer, "data_format", None) == "channels_first"
    return math.prod(size or 1 for size in (output[2:] if channels_first else output[1:-1]))
