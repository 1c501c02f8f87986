"""Whether a sparsity leaves every layer something."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

import tf_keras

from tf_pruned_rl import config as configuration
from tf_pruned_rl import environments, networks, pruning
from tf_pruned_rl.config import Config, ContinuousConfig, GameConfig
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.networks import mlp
from tf_pruned_rl.pruning import kernels
from tf_pruned_rl.pruning.bundles import Bundle, plan
from tf_pruned_rl.pruning.distribution import shares
from tf_pruned_rl.runtime import muted_stderr

_DECIMALS = 5
"""Of the highest sparsity that is named."""
_FEWEST_ACTIONS = 3
"""Of any game: a larger output layer leaves more."""


def check(config: Config) -> None:
    """Checks, before anything is written, that pruning will leave every layer at least one unit.

    Raises:
      UserError: it does not; the message names the layer and the highest sparsity possible.
    """
    if config.pruning.pruning == "none":
        return
    with muted_stderr():  # CUDA complains where there is none
        built = [(name, _bundles(config, model)) for name, model in _networks(config)]
    for name, bundles in built:
        empty = first_empty(config, bundles)
        if empty is not None:
            dense = config.pruning.dense_sparsity > 0 and len(empty.shape) == 2 and len(empty.kernels) == 1
            field = "dense_sparsity" if dense else "sparsity"
            most = min(highest(config, bundles, field) for _, bundles in built)
            raise UserError(
                f"--{field}={getattr(config.pruning, field)} would leave no {empty.structure.unit} in layer "
                f"{empty.name} of the {name} ({empty.units:,} {empty.structure.unit}s): use at most "
                f"{most:.{_DECIMALS}f} here, or a larger --width"
            )


@functools.singledispatch
def _networks(config: Config) -> Iterator[tuple[str, tf_keras.Model]]:
    """Yields (what it is called, a network with the shapes of one that is pruned)."""
    raise TypeError(f"no networks of a {type(config).__name__}")


@_networks.register
def _(config: GameConfig) -> Iterator[tuple[str, tf_keras.Model]]:
    # Of single weights these networks have too many for any of their layers to be emptied.
    if {config.pruning.structure, config.pruning.dense_structure} - {"unstructured", "same"}:
        atoms = config.learning.num_atoms if config.learning.loss == "c51" else 1
        shape = environments.screen(config).observation_shape
        yield (
            "network",
            networks.build(config.network, num_actions=_FEWEST_ACTIONS, num_atoms=atoms, frame_shape=shape),
        )


@_networks.register
def _(config: ContinuousConfig) -> Iterator[tuple[str, tf_keras.Model]]:
    spaces = environments.spaces(environments.check_env(config.environment.env))
    sizes = config.network.width, spaces.observation_size, spaces.action_size
    models = {"actor": mlp.actor(*sizes), "critics": mlp.critic(*sizes)}
    yield from vars(pruning.pruned(config, models)).items()


def _bundles(config: Config, model: tf_keras.Model) -> list[Bundle]:
    (found,) = kernels.find(model)
    wanted = config.pruning
    return plan(found, wanted.structure, wanted.dense_structure, wanted.block)


def first_empty(config: Config, bundles: Sequence[Bundle]) -> Bundle | None:
    """Returns the first bundle that would be emptied if its structure let it, or None."""
    wanted = config.pruning
    shapes = {kernel.name: kernel.shape for bundle in bundles for kernel in bundle.kernels}
    final = shares(wanted.distribution, shapes, wanted.sparsity, wanted.dense_sparsity or None)
    for bundle in bundles:
        if bundle.units * (1 - bundle.share(final)) < bundle.least - 0.5:
            return bundle
    return None


def highest(config: Config, bundles: Sequence[Bundle], field: str = "sparsity") -> float:
    """Returns the highest sparsity, to five decimals, that leaves every layer a unit.

    Args:
      config: the run's, of which the other fields are kept.
      bundles: of one of its networks.
      field: which of its sparsities.
    """
    unit = 10**_DECIMALS

    def possible(value: int) -> bool:
        return first_empty(configuration.replace(config, **{field: value / unit}), bundles) is None

    return _last(possible, unit) / unit


def _last(holds: Callable[[int], bool], end: int) -> int:
    """Returns the largest number below ``end`` for which ``holds``, as it does up to there from 0."""
    yes, no = 0, end
    while no - yes > 1:
        middle = (yes + no) // 2
        if holds(middle):
            yes = middle
        else:
            no = middle
    return yes
