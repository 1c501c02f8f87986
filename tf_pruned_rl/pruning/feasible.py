"""Whether a sparsity leaves every layer something."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator

from tf_pruned_rl import environments
from tf_pruned_rl.config import Config, ContinuousConfig
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.networks import mlp
from tf_pruned_rl.pruning.distribution import Shapes, shares

_DECIMALS = 5
"""Of the highest sparsity that is named."""


@functools.singledispatch
def check(config: Config) -> None:
    """Checks, before anything is built, that pruning will leave every layer at least one weight.

    The networks of the Atari agents are too large for that to fail: nothing is checked there.

    Raises:
      UserError: it does not; the message names the layer and the highest sparsity possible.
    """
    del config


@check.register
def _(config: ContinuousConfig) -> None:
    pruning = config.pruning
    if pruning.pruning == "none":
        return
    networks = dict(_shapes(config))
    for network, shapes in networks.items():
        layer = first_empty(pruning.distribution, shapes, pruning.sparsity)
        if layer is not None:
            most = min(highest(pruning.distribution, shapes) for shapes in networks.values())
            raise UserError(
                f"--sparsity={pruning.sparsity} would leave no weight in layer {layer} of the {network} "
                f"({math.prod(shapes[layer]):,} weights): use at most {most:.{_DECIMALS}f} here, or a larger "
                "--width"
            )


def _shapes(config: ContinuousConfig) -> Iterator[tuple[str, Shapes]]:
    """Yields (network, the shapes of its kernels that are pruned)."""
    spaces = environments.spaces(environments.check_env(config.environment.env))
    width, pruning = config.network.width, config.pruning
    seen, acted = spaces.observation_size, spaces.action_size
    for name, networks, sizes in (
        ("actor", ("all", "actor"), (seen, 2 * acted)),
        ("critics", ("all", "critics"), (seen + acted, 1)),
    ):
        if pruning.prune_networks in networks:
            shapes = mlp.kernel_shapes(width, *sizes)
            if not pruning.prune_output_layers:
                del shapes["output"]
            yield name, shapes


def first_empty(distribution: str, shapes: Shapes, sparsity: float) -> str | None:
    """Returns the first layer in which less than half a weight would stay, or None."""
    for name, share in shares(distribution, shapes, sparsity).items():
        if math.prod(shapes[name]) * (1 - share) < 0.5:
            return name
    return None


def highest(distribution: str, shapes: Shapes) -> float:
    """Returns the highest sparsity, to five decimals, that leaves every layer a weight."""
    unit = 10**_DECIMALS
    possible, empty = 0, unit
    while empty - possible > 1:
        middle = (possible + empty) // 2
        if first_empty(distribution, shapes, middle / unit) is None:
            possible = middle
        else:
            empty = middle
    return possible / unit
