"""Which kernels are pruned together, and under which structure."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import tensorflow as tf

from tf_pruned_rl.config.combinations import structure_of_dense
from tf_pruned_rl.networks import graph, streams
from tf_pruned_rl.pruning import structure
from tf_pruned_rl.pruning.kernels import Kernel


@dataclasses.dataclass(frozen=True, eq=False)
class KernelGroup:
    """Kernels that are pruned together: one kernel, except under ``channel``.

    There, the kernels of all layers that write the channels of one stream (``networks.streams``) form a
    group. They are joined along their inputs and positions, so that a column of the joined kernel has all
    weights that lead to a channel.
    """

    structure: structure.Structure
    kernels: tuple[Kernel, ...]

    @property
    def name(self) -> str:
        """The names of the kernels."""
        return " + ".join(kernel.name for kernel in self.kernels)

    @property
    def size(self) -> int:
        """The number of weights."""
        return sum(kernel.size for kernel in self.kernels)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the only kernel, or of the joined one: [positions and inputs, channels]."""
        if len(self.kernels) == 1:
            return self.kernels[0].shape
        channels = self.kernels[0].shape[-1]
        return self.size // channels, channels

    @property
    def biases(self) -> list[tf.Variable]:
        """The biases that are pruned with the channels, so that a pruned channel is always 0."""
        if not isinstance(self.structure, structure.Channel):
            return []
        layers = dict.fromkeys(kernel.layer for kernel in self.kernels)
        return [bias for layer in layers for bias in graph.biases(layer)]

    @property
    def num_units(self) -> int:
        """The number of units."""
        return self.structure.num_units(self.shape)

    @property
    def min_units(self) -> int:
        """The least number of units that are kept."""
        return self.structure.min_units(self.shape)

    def join(self, parts: Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns tensors like the kernels as one tensor of ``shape``."""
        if len(parts) == 1:
            return parts[0]
        return tf.concat([tf.reshape(part, [-1, part.shape[-1]]) for part in parts], axis=0)

    def split(self, joined: tf.Tensor) -> list[tf.Tensor]:
        """Returns a tensor of ``shape`` as tensors like the kernels."""
        if len(self.kernels) == 1:
            return [joined]
        rows = [math.prod(kernel.shape[:-1]) for kernel in self.kernels]
        parts = tf.split(joined, rows)
        return [tf.reshape(part, kernel.shape) for part, kernel in zip(parts, self.kernels, strict=True)]

    def sparsity(self, sparsities: Mapping[str, float]) -> float:
        """Returns the sparsity with as many zeros as the kernels would have alone.

        Args:
          sparsities: {name of a kernel: its sparsity}.
        """
        return sum(sparsities[kernel.name] * kernel.size for kernel in self.kernels) / self.size


def plan(
    kernels: Sequence[Kernel], shape: str, dense_shape: str = "same", block: str = "4x4"
) -> list[KernelGroup]:
    """Returns the groups of one network, in the order of their first kernels.

    Under ``channel`` the layers that write one stream form a group. Where no channel can be pruned (in
    output layers, or where a layer that writes the stream is left dense), single weights are.

    Args:
      kernels: the network's pruned kernels.
      shape: a name in ``registry.STRUCTURES``.
      dense_shape: the same for kernels of two dimensions; ``same`` is ``shape``.
      block: inputs x outputs of a block.

    Raises:
      UserError: an unknown structure, a wrong size of a block, or channels are to be pruned in a network
        whose connections are unknown.
    """
    dense_shape = structure_of_dense(shape, dense_shape)
    structures = {name: structure.create(name, block) for name in (shape, dense_shape, "unstructured")}
    structure_of = {
        kernel: structures[dense_shape if len(kernel.shape) == 2 else shape] for kernel in kernels
    }
    if "channel" not in structures:
        return [KernelGroup(structure_of[kernel], (kernel,)) for kernel in kernels]
    channel, unstructured = structures["channel"], structures["unstructured"]
    stream_of = streams.find(kernels[0].network)
    by_stream: dict[object, list[Kernel]] = {}
    for kernel in kernels:
        stream = stream_of.get(kernel.layer.name)
        in_stream = structure_of[kernel] is channel and stream is not None and not stream.fixed
        by_stream.setdefault(stream if in_stream else kernel, []).append(kernel)
    groups = []
    for key, members in by_stream.items():
        if isinstance(key, streams.Stream) and {kernel.layer for kernel in members} == set(key.writers):
            groups.append(KernelGroup(channel, tuple(members)))
            continue
        for kernel in members:
            alone = unstructured if structure_of[kernel] is channel else structure_of[kernel]
            groups.append(KernelGroup(alone, (kernel,)))
    return groups
