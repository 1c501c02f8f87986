"""Floating-point operations of a gradient step, counted from a network's real shapes.

A multiply-accumulate is 2 operations; biases, activations, pooling and the optimizer are not counted.
With F of one sample's forward pass, a sample's share of a gradient step is 4 F - F_first: the online
and the target network's forward passes, and twice F for the backward pass less the first layer's
gradient towards the frames, which nobody needs.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tf_keras


@dataclasses.dataclass(frozen=True)
class Layer:
    """A convolution or a fully connected layer of a sample.

    Attributes:
      name: as in the network.
      inputs: its input's shape without the batch: (height, width, channels), or (units,).
      outputs: its output's, of the same form.
      kernel: (height, width) of a convolution's kernel; () otherwise.
      stride: of a convolution.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    kernel: tuple[int, ...] = ()
    stride: int = 1

    @property
    def forward(self) -> int:
        """Operations of one sample's forward pass."""
        return 2 * math.prod(self.outputs) * math.prod(self.kernel) * self.inputs[-1]


def layers_of(model: tf_keras.Model) -> list[Layer]:
    """Returns a built functional model's convolutions and fully connected layers, the first one first.

    Raises:
      ValueError: the model has kernels of other layers, which would not be counted.
    """
    import tf_keras

    found = []
    for layer in model.layers:
        if isinstance(layer, tf_keras.layers.Conv2D):
            kernel, stride = tuple(layer.kernel_size), layer.strides[0]
        elif isinstance(layer, tf_keras.layers.Dense):
            kernel, stride = (), 1
        else:
            continue
        inputs, outputs = tuple(layer.input_shape[1:]), tuple(layer.output_shape[1:])
        found.append(Layer(layer.name, inputs, outputs, kernel, stride))
    kernels = sum(len(weights.shape) > 1 for weights in model.trainable_weights)
    if kernels != len(found):
        raise ValueError(f"{kernels} kernels, but {len(found)} layers whose operations can be counted")
    return found


def forward(layers: Sequence[Layer]) -> int:
    """Returns the operations of one sample's forward pass."""
    return sum(layer.forward for layer in layers)


def train_step(layers: Sequence[Layer], batch_size: int) -> int:
    """Returns the operations of a gradient step."""
    return batch_size * (4 * forward(layers) - layers[0].forward)


def floor_steps_per_second(
    forward_operations: float,
    train_step_operations: float,
    rate: float,
    *,
    replay_ratio: float,
    environment_seconds: float,
) -> float:
    """Returns the most agent steps per second at ``rate`` operations per second, with nothing overlapped.

    Args:
      forward_operations: of one sample, to act.
      train_step_operations: of a gradient step.
      rate: of the machine.
      replay_ratio: gradient steps per agent step.
      environment_seconds: an agent step's emulation.
    """
    operations = forward_operations + train_step_operations * replay_ratio
    return 1 / (operations / rate + environment_seconds)
