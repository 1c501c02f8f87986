"""The kernels of a network: what there is to prune, found in any Keras model or TF-Agents agent."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import tensorflow as tf
import tf_keras
from tensorflow_model_optimization.python.core.sparsity.keras import prune_registry

from tf_pruned_rl.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class Kernel:
    """One weight matrix or filter bank."""

    name: str
    """The layer's name; after a slash the weight's, where the layer has several."""
    layer: tf_keras.layers.Layer
    variable: tf.Variable
    positions: int
    """Output positions at which every weight is used once (1 in a dense layer)."""
    network: tf_keras.layers.Layer
    """What it was found in."""

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


def find(network: object) -> list[list[Kernel]]:
    """Returns the kernels of each network in ``network``, in its order.

    A kernel is a weight of two or more dimensions: those of convolutions and dense layers, the
    first and the last too; biases never. Layers nested in others are found. Which weights a layer
    offers is tfmot's registry's to say, or that of the layer's own ``get_prunable_weights()``.

    Args:
      network: a Keras model or layer, a TF-Agents network, or a TF-Agents agent: its networks
        except the target ones. Variables must exist.

    Raises:
      UserError: nothing to prune, a layer is not built, or has a kernel that tfmot does not know of.
    """
    seen: set[int] = set()
    found = {name: _kernels(layer, seen) for name, layer in _networks(network, target=False).items()}
    found = {name: kernels for name, kernels in found.items() if kernels}
    if not found:
        raise UserError(
            f"{type(network).__name__} has no kernel to prune: give a Keras model or a TF-Agents agent"
        )
    if len(found) > 1:
        return [
            [dataclasses.replace(kernel, name=f"{name}/{kernel.name}") for kernel in kernels]
            for name, kernels in found.items()
        ]
    return list(found.values())


def find_targets(agent: object) -> list[tuple[tf.Variable, tf.Variable]]:
    """Returns pairs (kernel of a target network, that of its online network); none but for agents."""
    online, targets = _networks(agent, target=False), _networks(agent, target=True)
    pairs = []
    for name, network in targets.items():
        source = online.get(name.replace("target_", "", 1))
        if source is not None:
            copies = zip(_kernels(network, set()), _kernels(source, set()), strict=True)
            pairs += [(copy.variable, kernel.variable) for copy, kernel in copies]
    return pairs


def leave_dense(layer: tf_keras.layers.Layer) -> None:
    """Makes ``find`` pass over a layer's weights."""
    layer.get_prunable_weights = lambda: []


def _networks(network_or_agent: object, *, target: bool) -> dict[str, tf_keras.layers.Layer]:
    """Returns {name: network}: the object itself, or an agent's attributes that are networks."""
    if isinstance(network_or_agent, tf_keras.layers.Layer):
        return {} if target else {network_or_agent.name: network_or_agent}
    return {
        name.strip("_"): value
        for name, value in getattr(network_or_agent, "__dict__", {}).items()
        if isinstance(value, tf_keras.layers.Layer) and ("target" in name) == target
    }


def _kernels(network: tf_keras.layers.Layer, seen: set[int]) -> list[Kernel]:
    """Returns the network's kernels but for those whose id is in ``seen``, which grows by them."""
    kernels: list[Kernel] = []
    for layer in network._flatten_layers():
        for label, variable in _prunable(layer):
            if id(variable) not in seen:
                seen.add(id(variable))
                name = _unused(label, {kernel.name for kernel in kernels})
                kernels.append(Kernel(name, layer, variable, _positions(layer), network))
    return kernels


def _prunable(layer: tf_keras.layers.Layer) -> Iterator[tuple[str, tf.Variable]]:
    """Yields (label, weight) for each kernel the layer itself holds."""
    if not hasattr(layer, "get_prunable_weights"):
        if not prune_registry.PruneRegistry.supports(layer):
            own = [v for v in layer._trainable_weights if len(v.shape) > 1]
            if own:
                raise UserError(
                    f"layer {layer.name} ({type(layer).__name__}) has a kernel that tfmot cannot prune; "
                    "give it a method get_prunable_weights() that returns it, or [] to leave it dense"
                )
            return
        prune_registry.PruneRegistry.make_prunable(layer)
    try:
        weights = [v for v in layer.get_prunable_weights() if len(v.shape) > 1]
    except AttributeError as error:
        raise UserError(
            f"layer {layer.name} has no weights yet: build its network before it is pruned"
        ) from error
    for variable in weights:
        own_name = variable.name.split("/")[-1].split(":")[0]
        yield (layer.name if len(weights) == 1 else f"{layer.name}/{own_name}"), variable


def _unused(name: str, names: set[str]) -> str:
    """Returns ``name``, numbered if it is taken: nested networks may repeat a layer's name."""
    number, candidate = 1, name
    while candidate in names:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


def _positions(layer: tf_keras.layers.Layer) -> int:
    """Returns the positions of the layer's output: height times width of a convolution's."""
    config = layer.get_build_config()
    if not config:
        return 1
    output = tf.TensorShape(layer.compute_output_shape(config["input_shape"])).as_list()
    channels_first = getattr(layer, "data_format", None) == "channels_first"
    return math.prod(size or 1 for size in (output[2:] if channels_first else output[1:-1]))
