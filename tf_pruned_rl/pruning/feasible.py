"""Checks, before a run starts, that its layers exist and that none of them would lose all its weights."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import tf_keras

from tf_pruned_rl import config as configuration
from tf_pruned_rl import environments, networks, pruning
from tf_pruned_rl.config import Config, ContinuousConfig, GameConfig
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.networks import mlp
from tf_pruned_rl.pruning import kernels
from tf_pruned_rl.pruning.distribution import kernel_sparsities
from tf_pruned_rl.pruning.groups import KernelGroup, plan
from tf_pruned_rl.runtime import muted_stderr

_DECIMALS = 5
"""Of the highest sparsity, in error messages."""
_FEWEST_ACTIONS = 3
"""Of any game: a larger output layer keeps more weights."""


def check(config: Config) -> None:
    """Checks that the layers to prune exist, and that every layer keeps at least one unit.

    Raises:
      UserError: ``--prune_layers`` matches no layer, or a layer would be emptied; the message names the
        layers, or the layer and the highest sparsity that is possible.
    """
    if config.pruning.pruning == "none":
        return
    with muted_stderr():  # CUDA complains where there is none
        models = _networks(config)
    groups_of = plan_all(config, models)
    for name, groups in groups_of.items():
        empty = first_empty(config, groups)
        if empty is not None:
            dense = config.pruning.dense_sparsity > 0 and len(empty.shape) == 2 and len(empty.kernels) == 1
            field = "dense_sparsity" if dense else "sparsity"
            limit = min(highest(config, groups, field) for groups in groups_of.values())
            raise UserError(
                f"--{field}={getattr(config.pruning, field)} would leave no {empty.structure.unit} in layer "
                f"{empty.name} of the {name} ({empty.num_units:,} {empty.structure.unit}s): use at most "
                f"{limit:.{_DECIMALS}f} here, or a larger --width"
            )


@functools.singledispatch
def _networks(config: Config) -> dict[str, tf_keras.Model]:
    """Returns {name in error messages: a network with the shapes of one of the run's}."""
    raise TypeError(f"no networks of a {type(config).__name__}")


@_networks.register
def _(config: GameConfig) -> dict[str, tf_keras.Model]:
    choice = config.pruning
    # Single weights are so many in the layers of these networks that no layer can be emptied.
    if not choice.prune_layers and not {choice.structure, choice.dense_structure} - {"unstructured", "same"}:
        return {}
    atoms = config.learning.num_atoms if config.learning.loss == "c51" else 1
    shape = environments.screen(config).observation_shape
    model = networks.build(config.network, num_actions=_FEWEST_ACTIONS, num_atoms=atoms, frame_shape=shape)
    return {"network": model}


@_networks.register
def _(config: ContinuousConfig) -> dict[str, tf_keras.Model]:
    spaces = environments.spaces(environments.check_env(config.environment.env))
    sizes = config.network.width, spaces.observation_size, spaces.action_size
    return {"actor": mlp.actor(*sizes), "critics": mlp.critic(*sizes)}


def plan_all(config: Config, models: dict[str, tf_keras.Model]) -> dict[str, list[KernelGroup]]:
    """Returns {name of a network: the groups of its kernels that are pruned}.

    Args:
      config: the run's.
      models: {name: network}.

    Raises:
      UserError: ``--prune_layers`` matches no layer.
    """
    if not models:
        return {}
    choice = config.pruning
    selected, exclude = pruning.pruned_networks(config, models)
    kernels_of = {name: kernels.find(model) for name, model in selected.items()}
    return {
        name: plan(of_network, choice.structure, choice.dense_structure, choice.block)
        for name, of_network in kernels.select(kernels_of, choice.prune_layers, exclude).items()
    }


def first_empty(config: Config, groups: Sequence[KernelGroup]) -> KernelGroup | None:
    """Returns the first group of a network that would be emptied, were it allowed, or None."""
    choice = config.pruning
    shapes = {kernel.name: kernel.shape for group in groups for kernel in group.kernels}
    final = kernel_sparsities(choice.distribution, shapes, choice.sparsity, choice.dense_sparsity or None)
    for group in groups:
        if group.num_units * (1 - group.sparsity(final)) < group.min_units - 0.5:
            return group
    return None


def highest(config: Config, groups: Sequence[KernelGroup], field: str = "sparsity") -> float:
    """Returns the highest sparsity, to five decimals, at which every layer keeps a unit.

    Args:
      config: the run's; its other fields are kept.
      groups: of one of its networks.
      field: the name of a field, ``sparsity`` or ``dense_sparsity``.
    """
    unit = 10**_DECIMALS

    def possible(value: int) -> bool:
        return first_empty(configuration.replace(config, **{field: value / unit}), groups) is None

    return _last(possible, unit) / unit


def _last(holds: Callable[[int], bool], end: int) -> int:
    """Returns the largest number below ``end`` for which ``holds``, given that it holds up to there."""
    low, high = 0, end
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low
