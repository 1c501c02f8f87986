"""Which kernels are pruned as one, and under which structure."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import tensorflow as tf

from tf_pruned_rl.config.combinations import structure_of_dense
from tf_pruned_rl.networks import graph, streams
from tf_pruned_rl.pruning import structure
from tf_pruned_rl.pruning.kernels import Kernel


@dataclasses.dataclass(frozen=True, eq=False)
class Bundle:
    """Kernels that a structure sees as one: mostly one alone.

    Several are those of all layers that write the channels of one stream (``networks.streams``). They
    are joined along their inputs and positions, so that a column of the whole holds all the weights
    that lead to a channel.
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
        """That of the kernel, or of the whole: [positions and inputs, channels]."""
        if len(self.kernels) == 1:
            return self.kernels[0].shape
        channels = self.kernels[0].shape[-1]
        return self.size // channels, channels

    @property
    def biases(self) -> list[tf.Variable]:
        """What goes with a channel that goes: nothing but zeros then comes out of it."""
        if not isinstance(self.structure, structure.Channel):
            return []
        layers = dict.fromkeys(kernel.layer for kernel in self.kernels)
        return [bias for layer in layers for bias in graph.biases(layer)]

    @property
    def units(self) -> int:
        """How many units there are."""
        return self.structure.units(self.shape)

    @property
    def least(self) -> int:
        """How many units must stay."""
        return self.structure.least(self.shape)

    def join(self, parts: Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns tensors like the kernels as one of ``shape``."""
        if len(parts) == 1:
            return parts[0]
        return tf.concat([tf.reshape(part, [-1, part.shape[-1]]) for part in parts], axis=0)

    def split(self, whole: tf.Tensor) -> list[tf.Tensor]:
        """Returns a tensor of ``shape`` as tensors like the kernels."""
        if len(self.kernels) == 1:
            return [whole]
        rows = [math.prod(kernel.shape[:-1]) for kernel in self.kernels]
        parts = tf.split(whole, rows)
        return [tf.reshape(part, kernel.shape) for part, kernel in zip(parts, self.kernels, strict=True)]

    def share(self, shares: dict[str, float]) -> float:
        """Returns the sparsity that gives the bundle as many zeros as its kernels would have alone."""
        return sum(shares[kernel.name] * kernel.size for kernel in self.kernels) / self.size


def plan(found: Sequence[Kernel], shape: str, dense_shape: str = "same", block: str = "4x4") -> list[Bundle]:
    """Returns the bundles of one network, in the order of their first kernels.

    Under ``channel`` the layers that write one stream go together. Where no channel can go, as in output
    layers, which give their outputs to the outside, single weights go.

    Args:
      found: the network's kernels.
      shape: a name in ``registry.STRUCTURES``.
      dense_shape: that of kernels of two dimensions; ``same`` is ``shape``.
      block: inputs x outputs of a block.

    Raises:
      UserError: an unknown structure, a size of a block that is none, or channels are to go in a network
        of which it is unknown what reads what.
    """
    dense_shape = structure_of_dense(shape, dense_shape)
    made = {name: structure.create(name, block) for name in (shape, dense_shape, "unstructured")}
    of = {kernel: made[dense_shape if len(kernel.shape) == 2 else shape] for kernel in found}
    if "channel" not in made:
        return [Bundle(of[kernel], (kernel,)) for kernel in found]
    written = streams.find(found[0].network)
    groups: dict[object, list[Kernel]] = {}
    for kernel in found:
        stream = written.get(kernel.layer.name)
        whole = of[kernel] is made["channel"] and stream is not None and not stream.fixed
        groups.setdefault(stream if whole else kernel, []).append(kernel)
    bundles = []
    for key, group in groups.items():
        if isinstance(key, streams.Stream) and {kernel.layer for kernel in group} == set(key.writers):
            bundles.append(Bundle(made["channel"], tuple(group)))
        else:
            bundles += [
                Bundle(made["unstructured"] if of[one] is made["channel"] else of[one], (one,))
                for one in group
            ]
    return bundles
