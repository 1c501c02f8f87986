"""Floating-point operations of a gradient step, counted from a network's real shapes.

A multiply-accumulate is 2 operations; biases, activations, pooling and the optimizer are not counted.
A layer's two backward passes, towards its weights and towards its inputs, take as many operations each
as its forward pass. With F of one sample's forward pass, a sample's share of a Q-network's step is
4 F - F_first: the online and the target network's forward passes, and twice F for the backward pass
less the first layer's gradient towards the frames, which nobody needs.
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


@dataclasses.dataclass(frozen=True)
class Use:
    """How often a gradient step runs each pass of a layer.

    Attributes:
      layer: which.
      forward: forward passes.
      to_weights: gradients of its weights.
      to_inputs: gradients of its inputs.
    """

    layer: Layer
    forward: int = 0
    to_weights: int = 0
    to_inputs: int = 0

    @property
    def operations(self) -> int:
        """Operations of one sample's share of a gradient step."""
        return (self.forward + self.to_weights + self.to_inputs) * self.layer.forward


def q_learning(layers: Sequence[Layer]) -> list[Use]:
    """Returns what a gradient step of a Q-network with a target network needs, the first layer first."""
    return [Use(layer, 2, 1, int(layer is not layers[0])) for layer in layers]


def actor_critic(actor: Sequence[Layer], critic: Sequence[Layer], action_size: int) -> list[Use]:
    """Returns what a gradient step of Soft Actor-Critic needs.

    Two critics and two targets: each critic runs for its own loss and, as it is then, for the actor's,
    each target once; the critics' loss goes back to their weights, the actor's through them to the
    actions, which are part of the first layer's inputs. The actor runs for the target, without a
    gradient, and for its own loss, whose actions serve the temperature too.

    Args:
      actor: the actor's layers, the first one first; named after what they are part of from here on.
      critic: one critic's.
      action_size: dimensions of an action.
    """
    first, *others = (dataclasses.replace(one, name=f"critics/{one.name}") for one in critic)
    start, *rest = (dataclasses.replace(one, name=f"actor/{one.name}") for one in actor)
    towards_actions = dataclasses.replace(first, name=f"{first.name}/actions", inputs=(action_size,))
    return [
        Use(first, 2 * 3, 2),
        Use(towards_actions, to_inputs=2),
        *(Use(layer, 2 * 3, 2, 2 * 2) for layer in others),
        Use(start, 2, 1),
        *(Use(layer, 2, 1, 1) for layer in rest),
    ]


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


def train_step(uses: Sequence[Use], batch_size: int) -> int:
    """Returns the operations of a gradient step."""
    return batch_size * sum(use.operations for use in uses)


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
