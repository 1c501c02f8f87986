"""What computes an exported policy's outputs: TensorFlow, or the small TensorFlow Lite interpreter.

Neither runs code from the policy's files. A SavedModel is a graph of TensorFlow's operations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tf_pruned_rl.errors import UserError
from tf_pruned_rl.policies import policy_json
from tf_pruned_rl.runtime import graph_fusions, muted_stderr

Specs = dict[str, dict[str, Any]]
"""{name: {"dtype": name of the type, "shape": sizes, None for any}}, as policy.json spells it."""


class Runtime(Protocol):
    """A loaded policy.

    Attributes:
      inputs: what it takes.
      outputs: what it gives.
    """

    inputs: Specs
    outputs: Specs

    def __call__(self, observations: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the outputs by name for a batch of observations."""


class SavedModel:
    """A policy computed by TensorFlow.

    Attributes:
      inputs: what it takes.
      outputs: what it gives.
      saved_model: as TensorFlow loaded it; it owns the variables that the signature reads.
    """

    def __init__(self, directory: Path):
        """Loads the graph and its variables.

        Raises:
          UserError: it is damaged, or has no such signature.
        """
        with muted_stderr():  # TensorFlow takes seconds to load: not before there is a SavedModel.
            import tensorflow as tf

        # On policies that earlier versions exported they fail, at the ResNet's additions, and say so.
        graph_fusions(False)
        try:
            self.saved_model = tf.saved_model.load(str(directory))
        except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
            raise _unreadable(directory, "SavedModel", error) from error
        self._function = self.saved_model.signatures.get(policy_json.SIGNATURE)
        if self._function is None:
            raise _no_signature(directory)
        self._tensor = tf.convert_to_tensor
        self.inputs = _tensor_specs(self._function.structured_input_signature[1])
        self.outputs = _tensor_specs(self._function.structured_outputs)

    def __call__(self, observations: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the outputs by name for a batch of observations."""
        outputs = self._function(observations=self._tensor(observations))
        return {name: output.numpy() for name, output in outputs.items()}


class Tflite:
    """A policy computed by the TensorFlow Lite interpreter: the package LiteRT, or TensorFlow's own.

    Attributes:
      inputs: what it takes.
      outputs: what it gives.
    """

    def __init__(self, path: Path, *, delegates: bool = True, threads: int = 1):
        """Loads the model.

        Args:
          path: the .tflite file.
          delegates: whether its operations may be handed to XNNPACK, which is faster but cannot run
            sparse int8 weights.
          threads: of the processor.

        Raises:
          UserError: it is damaged, or has no such signature.
        """
        interpreter, resolvers = _interpreter()
        how = resolvers.AUTO if delegates else resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        try:
            with muted_stderr():  # it tells of each delegate that it makes
                self._interpreter = interpreter(
                    model_path=str(path), num_threads=threads, experimental_op_resolver_type=how
                )
            signatures = self._interpreter.get_signature_list()
            if policy_json.SIGNATURE not in signatures:
                raise _no_signature(path)
            with muted_stderr():
                self._run = self._interpreter.get_signature_runner(policy_json.SIGNATURE)
        except (OSError, ValueError, RuntimeError) as error:
            raise _unreadable(path, "TensorFlow Lite model", error) from error
        self.inputs = _detail_specs(self._run.get_input_details())
        self.outputs = _detail_specs(self._run.get_output_details())

    def __call__(self, observations: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the outputs by name for a batch of observations."""
        return self._run(observations=observations)


def load(directory: Path, description: dict, *, threads: int = 1) -> Runtime:
    """Returns what computes the policy in ``directory``, as its policy.json says.

    Args:
      directory: of the policy.
      description: the content of its policy.json, checked.
      threads: of the TensorFlow Lite interpreter; TensorFlow has settings of its own.

    Raises:
      UserError: the model is damaged, or its signature is not the one that policy.json promises.
    """
    runtime: Runtime
    tflite = policy_json.tflite(description)
    if tflite is None:
        runtime = SavedModel(directory)
    else:
        runtime = Tflite(directory / tflite["file"], delegates=tflite["delegates"], threads=threads)
    for side in ("inputs", "outputs"):
        found, promised = getattr(runtime, side), description["signature"][side]
        if found != promised:
            raise UserError(
                f"{directory}: the {side} are {found}, policy.json says {promised}; export it again"
            )
    return runtime


def _interpreter() -> tuple[Any, Any]:
    """Returns the interpreter's class, and the kinds of its operations."""
    try:
        from ai_edge_litert import interpreter
    except ImportError:
        with muted_stderr():
            from tensorflow.lite.python import interpreter
    return interpreter.Interpreter, interpreter.OpResolverType


def _unreadable(path: Path, kind: str, error: Exception) -> UserError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return UserError(f"{path} cannot be loaded as a {kind} ({reason}); export it again")


def _no_signature(path: Path) -> UserError:
    return UserError(f"{path} has no signature {policy_json.SIGNATURE}; export it again")


def _tensor_specs(tensors: dict[str, Any]) -> Specs:
    return {
        name: {"dtype": spec.dtype.name, "shape": spec.shape.as_list()}
        for name, spec in sorted(tensors.items())
    }


def _detail_specs(details: dict[str, Any]) -> Specs:
    return {
        name: {
            "dtype": np.dtype(detail["dtype"]).name,
            "shape": [None if size == -1 else int(size) for size in detail["shape_signature"]],
        }
        for name, detail in sorted(details.items())
    }
