"""policy.json: what somebody who finds an exported policy needs to know to use it.

It is read without TensorFlow and without anything that trains.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import tf_pruned_rl
from tf_pruned_rl import config as configuration
from tf_pruned_rl import environments
from tf_pruned_rl.config import (
    Config,
    ContinuousConfig,
    GameConfig,
    kinds,
    validation,
)
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.policies import sizes

FILE = "policy.json"
FORMAT_VERSION = 1
SIGNATURE = "serving_default"
TFLITE_FILE = "policy.tflite"

_Kind = type | tuple[type, ...]
# What load_policy and evaluate.py rely on; the rest of the file is for people.
_REQUIRED: dict[str, _Kind] = {
    "format_version": int,
    "agent": str,
    "preprocessing": dict,
    "signature": dict,
    "files": dict,
}
_REQUIRED_OF_GAMES: dict[str, _Kind] = {"game": str, "action_meanings": list, "num_actions": int}
_REQUIRED_OF_CONTROL: dict[str, _Kind] = {"environment": str}
_REQUIRED_PREPROCESSING: dict[str, _Kind] = {
    "frame_skip": int,
    "sticky_actions": (int, float),
    "max_episode_steps": int,
    "frame_shape": list,
}


@dataclass(frozen=True)
class TrainingFacts:
    """How far the policy was trained."""

    frames: int
    """Emulator frames."""
    agent_steps: int
    """Decisions."""
    gradient_steps: int
    """Optimizer updates."""
    mean_return: float | None = None
    """Mean un-clipped training return of the last iteration; None before the first is complete."""


def describe(
    directory: Path,
    *,
    config: Config,
    action_meanings: Sequence[str],
    observation_shape: tuple[int, ...],
    layers: Sequence[Mapping[str, Any]],
    target_sparsity: float,
    parameters: int,
    training: TrainingFacts,
) -> dict:
    """Returns the content of policy.json for the SavedModel in ``directory``.

    Args:
      directory: the SavedModel, complete, without policy.json.
      config: the run's.
      action_meanings: one name per action; none in continuous control.
      observation_shape: (height, width, channels of the stack), or (observation size,).
      layers: one row per kernel: layer, shape, parameters, nonzero, sparsity, macs, macs_left.
      target_sparsity: what the schedule asks for at the time of the export, in [0, 1).
      parameters: of the network, biases included; sparsity refers to the kernels alone.
      training: how far the policy was trained.
    """
    kernels = sum(int(row["parameters"]) for row in layers)
    nonzero = sum(int(row["nonzero"]) for row in layers)
    return {
        "format_version": FORMAT_VERSION,
        "agent": config.agent,
        "network": {"network": config.network.network} | asdict(config.network),
        **_task(config, action_meanings, observation_shape),
        "pruning": config.pruning.pruning,
        "distribution": config.pruning.distribution,
        "sparsity": 1 - nonzero / kernels,
        "target_sparsity": target_sparsity,
        "layers": [dict(row, shape=list(row["shape"])) for row in layers],
        "parameters": parameters,
        "parameters_left": parameters - kernels + nonzero,
        "sizes_in_bytes": _sizes(directory),
        "training": asdict(training),
        "versions": {
            "python": platform.python_version(),
            "tf_pruned_rl": tf_pruned_rl.__version__,
            **{name: _version(name) for name in ("tensorflow", "tf_keras", *_simulators(config))},
        },
        "files": {
            str(path.relative_to(directory)): {"bytes": path.stat().st_size, "sha256": _sha256(path)}
            for path in sizes.files(directory)
        },
    }


def size(description: Mapping[str, Any]) -> dict[str, int]:
    """Returns the bytes of the whole policy, {"raw", "gzip"}, whatever its format."""
    return next(iter(description["sizes_in_bytes"].values()))


def _sizes(directory: Path) -> dict[str, dict[str, int]]:
    parts = {"saved_model": directory, "variables": directory / "variables"}
    if (directory / TFLITE_FILE).is_file():
        parts = {"tflite": directory}
    return {name: {"raw": sizes.raw(path), "gzip": sizes.gzipped(path)} for name, path in parts.items()}


_TASK_KEYS = {kinds.ONLINE: "game", kinds.OFFLINE: "game", kinds.CONTINUOUS: "environment"}


def _simulators(config: Config) -> tuple[str, ...]:
    """Returns the packages that simulate what is played."""
    if isinstance(config, ContinuousConfig):
        return ("gymnasium", "mujoco")
    return {"atari": ("ale_py",), "minatar": ("minatar",)}[config.environment.suite]


@functools.singledispatch
def _task(config: Config, action_meanings: Sequence[str], observation_shape: tuple[int, ...]) -> dict:
    """Returns what is played, how it is seen, and what goes in and out."""
    raise TypeError(f"no policies for a {type(config).__name__}")


@_task.register
def _(config: GameConfig, action_meanings: Sequence[str], observation_shape: tuple[int, ...]) -> dict:
    return {
        "suite": config.environment.suite,
        "game": config.environment.game,
        "action_meanings": list(action_meanings),
        "num_actions": len(action_meanings),
        "preprocessing": _preprocessing(config),
        "signature": signature(observation_shape, len(action_meanings)),
    }


@_task.register
def _(config: ContinuousConfig, action_meanings: Sequence[str], observation_shape: tuple[int, ...]) -> dict:
    del action_meanings
    env = config.environment.env
    spaces = environments.spaces(env)
    return {
        "environment": env,
        "action_low": list(spaces.low),
        "action_high": list(spaces.high),
        "preprocessing": {
            "observations": "those of the environment, flat, as float32",
            "actions": "those of the environment, flat: the mean of the Gaussian squashed by tanh",
            "rewards": f"times {config.learning.reward_scale:g} for learning; returns here are not scaled",
            "max_episode_steps": config.environment.max_episode_steps,
        },
        "signature": {
            "name": SIGNATURE,
            "inputs": {"observations": {"dtype": "float32", "shape": [None, *observation_shape]}},
            "outputs": {"actions": {"dtype": "float32", "shape": [None, spaces.action_size]}},
        },
    }


_SEEN = {
    "atari": {
        "pooling": "maximum of the last two emulator frames of each skip",
        "grayscale": "luminance of the Arcade Learning Environment",
        "resize": "area interpolation",
        "stack_order": "newest last, zeros before the first frame of an episode",
        "scaling": "none: the policy takes uint8 and divides by 255 itself",
    },
    "minatar": {
        "cells": "the state of minatar.Environment as uint8, 0 or 1; all six actions, rising difficulty",
        "scaling": "none",
    },
}
"""How the observations of a suite are made: on Atari, the protocol of Dopamine."""


def _preprocessing(config: GameConfig) -> dict:
    """Returns how the observations and returns are made."""
    environment, screen = config.environment, environments.screen(config)
    return {
        "frame_skip": environment.frame_skip,
        "sticky_actions": environment.sticky_actions,
        **_SEEN[environment.suite],
        "frame_shape": list(screen.frame_shape),
        "stack": screen.stack,
        "rewards": "clipped to [-1, 1] for learning; returns reported here are un-clipped",
        "terminal_on_life_loss": environment.terminal_on_life_loss,
        "max_noops": environment.max_noops,
        "max_episode_steps": environment.max_episode_steps,
    }


def signature(observation_shape: tuple[int, ...], num_actions: int) -> dict:
    """Returns the names, dtypes and shapes of ``serving_default``; null is any batch size."""
    return {
        "name": SIGNATURE,
        "inputs": {"observations": {"dtype": "uint8", "shape": [None, *observation_shape]}},
        "outputs": {
            "actions": {"dtype": "int32", "shape": [None]},
            "q_values": {"dtype": "float32", "shape": [None, num_actions]},
        },
    }


def write(directory: Path, description: Mapping[str, object]) -> None:
    """Writes policy.json; the caller syncs."""
    (directory / FILE).write_text(json.dumps(description, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read(directory: Path) -> dict:
    """Returns the content of policy.json.

    Raises:
      UserError: it is missing, damaged, or of a format this version does not know.
    """
    path = directory / FILE
    if not directory.is_dir():
        raise UserError(
            f"no policy at {directory}: give the directory that export.py or a run wrote (RUN_DIR/policy)"
        )
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = f"; did you mean {directory / 'policy'}?" if (directory / "policy" / FILE).is_file() else ""
        raise UserError(
            f"{directory} holds no {FILE}, so it is no exported policy{hint or '; export it first'}"
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged ({error}); export the policy again") from error
    _check_types(path, description, _REQUIRED)
    if description["format_version"] != FORMAT_VERSION:
        raise UserError(
            f"{path} has format {description['format_version']}, this version reads {FORMAT_VERSION}; "
            "export the policy again"
        )
    _check_types(path, description["signature"], {"inputs": dict, "outputs": dict})
    _check_tflite(path, description)
    if configuration.config_class(description["agent"]) is ContinuousConfig:
        _check_types(path, description, _REQUIRED_OF_CONTROL)
        _check_types(path, description["preprocessing"], {"max_episode_steps": int})
    else:
        _check_types(path, description, _REQUIRED_OF_GAMES)
        _check_types(path, description["preprocessing"], _REQUIRED_PREPROCESSING)
        _check_actions(path, description)
    _check_protocol(path, description)
    return description


def tflite(description: Mapping[str, Any]) -> dict | None:
    """Returns {"file", "delegates"} of a policy for TensorFlow Lite, None of a SavedModel."""
    return description.get("tflite")


def _check_tflite(path: Path, description: Mapping[str, Any]) -> None:
    """Raises UserError if what is said of a model for TensorFlow Lite is malformed."""
    if "tflite" in description:
        _check_types(path, description["tflite"], {"file": str, "delegates": bool})
        if description["tflite"]["file"] not in description["files"]:
            raise UserError(f"{path} is damaged (the model is not among its files); export the policy again")


def _check_actions(path: Path, description: Mapping[str, Any]) -> None:
    """Raises UserError unless there are as many names of actions as actions."""
    names = description["action_meanings"]
    if description["num_actions"] != len(names) or not all(isinstance(name, str) for name in names):
        raise UserError(
            f"{path} is damaged (action_meanings are not num_actions names); export the policy again"
        )


def _check_protocol(path: Path, description: Mapping[str, Any]) -> None:
    """Raises UserError unless the environment could be one of a run."""
    protocol = _protocol(description) | {"agent": description["agent"]}
    kind = configuration.config_class(description["agent"])
    for name, value in protocol.items():
        expected = config_io.field_types(kind)[name]
        _check_types(path, protocol, {name: (int, float) if expected is float else expected})
        try:
            validation.check_field(name, value, kind)
        except UserError as error:
            problem = str(error).removeprefix("--")
            raise UserError(f"{path} is damaged ({problem}); export the policy again") from error


def _check_types(path: Path, content: object, required: Mapping[str, _Kind]) -> None:
    """Raises UserError unless ``content`` is a dict with these entries of these types."""
    if not isinstance(content, dict):
        raise UserError(f"{path} is damaged (an object was expected); export the policy again")
    for name, kind in required.items():
        if name not in content or not isinstance(content[name], kind):
            raise UserError(f"{path} is damaged ({name} is missing or malformed); export the policy again")


def suite(description: Mapping[str, Any]) -> str:
    """Returns the suite of a policy's game; a policy that does not say plays on Atari."""
    return str(description.get("suite", "atari"))


def experiment(description: Mapping[str, Any]) -> Config:
    """Returns a configuration whose environment is the one the policy was trained in, once."""
    kind = configuration.config_class(description["agent"])
    return configuration.replace(
        kind(), **_protocol(description), **{kind.kind.task_field: description[_TASK_KEYS[kind.kind]]}
    )


def _protocol(description: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of the environment that policy.json tells, but for what is played."""
    fields = {
        field.name
        for field in dataclasses.fields(configuration.config_class(description["agent"])().environment)
    }
    values = description["preprocessing"] | {"suite": suite(description)}
    return {name: value for name, value in values.items() if name in fields}


def check_files(directory: Path, description: Mapping[str, dict]) -> None:
    """Raises UserError unless every file that policy.json lists is there, unchanged."""
    for name, facts in description["files"].items():
        path = directory / name
        if not path.resolve().is_relative_to(directory.resolve()):
            raise UserError(f"{directory / FILE} lists {name}, which is not in it; export the policy again")
        if not path.is_file():
            raise UserError(f"{path} is missing; export the policy again")
        if (
            not isinstance(facts, dict)
            or path.stat().st_size != facts.get("bytes")
            or _sha256(path) != facts.get("sha256")
        ):
            raise UserError(
                f"{path} is not the file that was exported (checksum differs); export the policy again"
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
