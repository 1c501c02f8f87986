"""A functional Keras network, computed layer by layer, each layer by an implementation of choice.

**Plan.** A plan is {layer: implementation}. A layer that is not in the plan is computed by its own call, as
Keras does it; so a plan may hold a few layers, or none. The plan of a `Computation` may be changed at any
time; a graph that is built already keeps the plan it was built with.

**Implementation.** An object made for one layer, called as
``implementation(inputs, training=..., state=...)``:

- ``inputs``: the values that the layer reads, in the order of its inputs. A value is a tensor, or
  `Activations` if the implementation of the layer before returned that. ``tensor(value)`` gives the tensor in
  either case: call it on every input whose form is not known.
- ``training``: as of Keras's call.
- ``state``: the `StepState` of the gradient step that the call belongs to, or None for a call by itself.
- It returns the layer's output: a tensor of the layer's shape and compute dtype, or `Activations` that stand
  for it. Casts of the inputs and weights to the compute dtype are up to the implementation.
- Gradients reach its inputs, and the variables of its layer, by TensorFlow's tape (``tf.custom_gradient``
  where the implementation has its own backward pass). It reads variables at each call and keeps no tensor;
  what several calls of one step may share goes through ``state.once``.

**Activations.** An implementation may hand its output on in a form of its own (parts of the batch, another
order of the axes), as an `Activations` object: the implementation of the next layer may know this form. A
layer that does not, and the caller of the network, are given ``activations.tensor()``. It is called only
where somebody reads it, and at each reading, so an object that is read twice should keep what it made.
"""

from __future__ import annotations

import abc
import inspect
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import tensorflow as tf
import tf_keras

from tf_pruned_rl.networks import graph

Layer: TypeAlias = tf_keras.layers.Layer


class Activations(abc.ABC):
    """A layer's output in another form than one tensor."""

    @abc.abstractmethod
    def tensor(self) -> tf.Tensor:
        """Returns the output as the layer itself gives it, such as [B, H, W, C]."""


Value: TypeAlias = tf.Tensor | Activations


def tensor(value: Value) -> tf.Tensor:
    """Returns a layer's output as one tensor."""
    return value.tensor() if isinstance(value, Activations) else value


class StepState:
    """What the calls of networks within one gradient step share.

    Made at the start of the step, and thrown away before a variable is written.

    Attributes:
      last_kernel_gradient: the gradient that the next kernel's gradient waits for: at most one, none at
        first (see ``compute.dense.order``).
    """

    def __init__(self) -> None:
        """Begins a step, in the graph that is being built (or eagerly)."""
        self.last_kernel_gradient: list[tf.Tensor] = []
        self._graph = tf.compat.v1.get_default_graph()
        self._values: dict[Hashable, tf.Tensor] = {}

    def once(self, key: Hashable, compute: Callable[[], tf.Tensor]) -> tf.Tensor:
        """Returns ``compute()``, computed at most once in the step.

        Except within a branch or a loop, whose tensors are unknown outside of it: there it is computed
        again, unless it was there before.

        Args:
          key: names the value, for all layers and networks.
          compute: returns it; must not depend on anything but variables.
        """
        if key not in self._values:
            value = compute()
            if tf.compat.v1.get_default_graph() is not self._graph:
                return value
            self._values[key] = value
        return self._values[key]


class Implementation(Protocol):
    """Computes one layer; the contract is in the module's docstring."""

    def __call__(self, inputs: Sequence[Value], *, training: bool, state: StepState | None) -> Value:
        """Returns the layer's output."""


class Computation:
    """Computes a functional model, each layer by the implementation that a plan names.

    Attributes:
      model: the network; its variables are read at each call.
      plan: {layer: implementation}; other layers are computed by their own call.
    """

    def __init__(self, model: tf_keras.Model, plan: Mapping[Layer, Implementation]) -> None:
        """Describes the computation; nothing is computed yet.

        Args:
          model: functional.
          plan: of any of its layers.

        Raises:
          UserError: it is not functional.
        """
        self.model = model
        self.plan = dict(plan)
        self._nodes = [node for node in graph.nodes(model) if not node.is_input]

    def __call__(self, inputs: Any, training: bool = False, state: StepState | None = None) -> Any:
        """Returns the model's outputs.

        Args:
          inputs: as of the model: a tensor, or several in the model's structure.
          training: whether layers behave as in training (noisy layers draw their noise).
          state: of the gradient step, where the call is part of one.
        """
        # As Keras does: a functional model casts what it is given to the type of its inputs.
        values: dict[int, Value] = {
            id(symbol): tf.cast(each, symbol.dtype)
            for symbol, each in zip(self.model.inputs, tf.nest.flatten(inputs), strict=True)
        }
        for node in self._nodes:
            implementation = self.plan.get(node.layer)
            if implementation is None:
                outputs = _call_layer(node, values, training)
            else:
                read = [values[id(symbol)] for symbol in node.keras_inputs]
                with tf.name_scope(node.layer.name):
                    outputs = implementation(read, training=training, state=state)
            for symbol, output in zip(tf.nest.flatten(node.outputs), tf.nest.flatten(outputs), strict=True):
                values[id(symbol)] = output
        return tf.nest.map_structure(lambda symbol: tensor(values[id(symbol)]), self.model.output)


def _call_layer(node: Any, values: Mapping[int, Value], training: bool) -> Any:
    """Returns what Keras's own layer returns for the arguments that the model calls it with."""

    def actual(argument: Any) -> Any:
        value = values.get(id(argument))
        return argument if value is None else tensor(value)

    arguments, keywords = tf.nest.map_structure(actual, (node.call_args, node.call_kwargs))
    if "training" in inspect.signature(node.layer.call).parameters:
        keywords = {**keywords, "training": training}
    return node.layer(*arguments, **keywords)
