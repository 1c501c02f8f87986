"""Which fields of a configuration go together; asked through ``validation.validate``.

The rules speak of what a method, a structure or a suite is, by the facts in its registry, and not of names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tf_pruned_rl import config as configuration
from tf_pruned_rl.config import (
    Config,
    ContinuousConfig,
    ExperimentConfig,
    GameConfig,
    OfflineConfig,
    kinds,
    units,
)
from tf_pruned_rl.config.presets import PRESETS
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import AGENTS, DISTRIBUTIONS, NETWORKS, PRUNING_METHODS, STRUCTURES, SUITES


def check_combinations(config: Config) -> None:
    """Checks that the fields go together, each of them being legal by itself.

    Raises:
      UserError: they do not.
    """
    _CHECKS[config.kind](config)
    if config.pruning.pruning != "none":
        _check_pruning(config)


def _check_online(config: ExperimentConfig) -> None:
    _check_suite(config)
    window = _window(config)
    _check_capacity(config, window)
    _check_length(config)
    _check_warmup(config, window)
    if config.replay.log_replay and config.environment.suite != "atari":
        raise UserError("--log_replay writes the screens of Atari games: leave it out, or use --suite=atari")
    if config.replay.log_replay and config.environment.num_envs > 1:
        raise UserError(
            f"--log_replay writes the episodes of one game one after the other: use --num_envs=1, not "
            f"{config.environment.num_envs}"
        )


def _check_offline(config: OfflineConfig) -> None:
    _check_suite(config)
    _check_capacity(config, _window(config))
    _check_length(config)
    if not config.replay.data:
        raise UserError(
            "no data to learn from: give --data=DIR, with GAME/RUN/replay_logs in it (online.py --log_replay "
            "makes one)"
        )


def _check_continuous(config: ContinuousConfig) -> None:
    # n transitions, the observation after them, and the one a truncation keeps.
    window = config.learning.n_step + 2
    _check_capacity(config, window)
    _check_length(config)
    _check_warmup(config, window)


_CHECKS: dict[kinds.Kind, Callable[[Any], None]] = {
    kinds.ONLINE: _check_online,
    kinds.OFFLINE: _check_offline,
    kinds.CONTINUOUS: _check_continuous,
}


def _window(config: GameConfig) -> int:
    """Returns the entries of one environment that a sample may span."""
    # The frames of a stack, n rewards and the frame after them.
    stack = 1 if config.environment.suite == "minatar" else 4
    return config.learning.n_step + stack + 1


def _check_suite(config: GameConfig) -> None:
    """Checks that agent, preset, network and protocol are for the suite."""
    suite = config.environment.suite
    flat = configuration.flatten(config)
    for registry in (AGENTS, PRESETS, NETWORKS):
        name = str(flat[registry.field])
        if suite not in registry.fact(name, "suites", (suite,)):
            others = [
                other
                for other in registry.names(config.kind.name)
                if suite in registry.fact(other, "suites", (suite,))
            ]
            advice = " or ".join(filter(None, (", ".join(others[:-1]), others[-1])))
            raise UserError(f"--{registry.field}={name} is not for --suite={suite}: use {advice}")
    for field, (only, reason) in SUITES.fact(suite, "unavailable", {}).items():
        if flat[field] != only:
            raise UserError(
                f"--{field}={flat[field]} means nothing in --suite={suite} ({reason}): leave it out"
            )


def _check_capacity(config: Config, window: int) -> None:
    """Checks that the replay can hold what it has to; a sample spans ``window`` entries."""
    capacity, num_envs = config.replay.replay_capacity, config.environment.num_envs
    per_env = capacity // num_envs
    if per_env < window:
        raise UserError(
            f"--replay_capacity={capacity} leaves {per_env} steps for each of {num_envs} environments, but "
            f"--n_step={config.learning.n_step} needs {window}: use at least {window * num_envs}"
        )
    held = {"batch_size": config.learning.batch_size}
    if not isinstance(config, OfflineConfig):
        held["min_replay_history"] = config.replay.min_replay_history
    for name, needed in held.items():
        if capacity < needed:
            raise UserError(
                f"--replay_capacity={capacity} is less than --{name}={needed}: raise the one or "
                "lower the other"
            )


def _check_length(config: Config) -> None:
    """Checks that the run is long enough for a gradient step."""
    budget = units.budget(config)
    if budget.gradient_steps < 1:
        least = (budget.warmup_agent_steps + budget.cycle.agent_steps) * config.frames_per_step
        length = configuration.flatten(config)[config.kind.budget_field]
        raise UserError(
            f"--{config.kind.budget_field}={length} ends inside the warm-up of --min_replay_history, "
            f"{budget.warmup_agent_steps} agent steps: use at least {least} {config.kind.unit}, or a shorter "
            "warm-up"
        )


def _check_warmup(config: ExperimentConfig | ContinuousConfig, window: int) -> None:
    """Checks that the warm-up is long enough for a sample, which spans ``window`` entries."""
    least = window * config.environment.num_envs
    if config.replay.min_replay_history < least:
        raise UserError(
            f"--min_replay_history={config.replay.min_replay_history} is too short for one sample with "
            f"--n_step={config.learning.n_step} and --num_envs={config.environment.num_envs}: use at least "
            f"{least}"
        )


def _check_pruning(config: Config) -> None:
    """Checks that pruning has a window, and that the run really reaches its end."""
    pruning = config.pruning
    check_pruning(
        pruning.pruning,
        pruning.distribution,
        pruning.structure,
        pruning.sparsity,
        pruning.dense_structure,
        pruning.dense_sparsity or None,
    )
    block_sides(pruning.block)
    if pruning.prune_start >= pruning.prune_end:
        raise UserError(
            f"--prune_start={pruning.prune_start} must be less than --prune_end={pruning.prune_end}: both "
            "are fractions of the run"
        )
    budget = units.budget(config)
    if budget.prune_begin >= budget.prune_end:
        raise UserError(
            f"no gradient step lies between --prune_start={pruning.prune_start} and --prune_end="
            f"{pruning.prune_end}: raise --{config.kind.budget_field} (the run has {budget.gradient_steps} "
            "gradient steps)"
        )
    if budget.prune_end > budget.gradient_steps:
        raise UserError(
            f"--prune_end={pruning.prune_end} is gradient step {budget.prune_end}, but the run has only "
            f"{budget.gradient_steps} after the warm-up of {budget.warmup_agent_steps} agent steps: lower "
            f"--prune_end or --min_replay_history, or raise --{config.kind.budget_field}"
        )


def block_sides(block: str) -> tuple[int, int]:
    """Returns (inputs, outputs) of a block such as ``16x1``.

    Raises:
      UserError: it is not such a size.
    """
    sides = block.split("x")
    if len(sides) != 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise UserError(
            f"--block={block} is not the size of a block: give inputs x outputs, as in 16x1 or 4x4"
        )
    return int(sides[0]), int(sides[1])


def structure_of_dense(structure: str, dense_structure: str) -> str:
    """Returns the structure of dense layers."""
    return structure if dense_structure == "same" else dense_structure


def check_pruning(
    method: str,
    distribution: str,
    structure: str,
    sparsity: float,
    dense_structure: str = "same",
    dense_sparsity: float | None = None,
) -> None:
    """Checks that method, distribution and structure of pruning go together.

    Raises:
      UserError: they do not.
    """
    dense = structure_of_dense(structure, dense_structure)
    pooled = DISTRIBUTIONS.fact(distribution, "pooled", False)
    single = all(STRUCTURES.fact(name, "single_weights", False) for name in (structure, dense))
    if pooled and PRUNING_METHODS.fact(method, "starts_sparse", False):
        raise UserError(
            f"--pruning={method} fixes each layer's sparsity before anything is learned, so there is nothing "
            f"that --distribution={distribution} could compare: use erk or uniform"
        )
    if not single and PRUNING_METHODS.fact(method, "regrows", False):
        raise UserError(
            f"--pruning={method} drops and grows single weights: use --structure=unstructured, or another "
            "--pruning"
        )
    if not single and pooled:
        raise UserError(
            f"--distribution={distribution} compares single weights: use --structure=unstructured"
        )
    if dense_sparsity is not None and pooled:
        raise UserError(f"--distribution={distribution} lets all layers compete: leave out --dense_sparsity")
    parts = [(structure, sparsity), (dense, sparsity if dense_sparsity is None else dense_sparsity)]
    for name, share in parts:
        most = STRUCTURES.fact(name, "max_sparsity")
        if most is not None and (distribution != "uniform" or share > most):
            raise UserError(
                f"--structure={name} prunes at most {most:.0%} of the weights, in every layer alike: use "
                f"--sparsity={most:g} (or less) --distribution=uniform"
            )
