"""What a configuration may hold: checked once, before anything is built."""

from __future__ import annotations

import difflib
import functools
import math
from collections.abc import Callable, Collection

from tf_pruned_rl import config as configuration
from tf_pruned_rl.config import Config, ContinuousConfig, ExperimentConfig, OfflineConfig, units
from tf_pruned_rl.config.combinations import block_sides, check_pruning
from tf_pruned_rl.errors import UserError

CHOICES: dict[str, tuple[str, ...]] = {
    "agent": configuration.AGENTS,
    "preset": configuration.PRESETS,
    "suite": configuration.SUITES,
    "network": ("impala", "nature", "minatar"),
    "loss": ("mse", "huber", "c51"),
    "replay_sampling": ("uniform", "prioritized"),
    "pruning": ("magnitude", "none", "random", "static", "set", "rigl"),
    "distribution": ("erk", "uniform", "global"),
    "structure": ("unstructured", "block", "channel", "n_m"),
    "dense_structure": ("same", "unstructured", "block", "channel", "n_m"),
    "intervention": ("none", "redo", "reset"),
    "regularizer": ("none", "weight_decay", "l2_unit"),
    "reset_layers": ("last", "penultimate", "both", "all"),
}
"""The fields of runs on games that are one of a few words; their flags are made from here too."""

_CONTROL_CHOICES = {
    "agent": configuration.CONTROL_AGENTS,
    "preset": configuration.CONTROL_PRESETS,
    **{name: CHOICES[name] for name in ("pruning", "distribution", "structure", "dense_structure")},
    **{name: CHOICES[name] for name in ("intervention", "reset_layers")},
    "regularizer": ("none", "weight_decay"),
    "prune_networks": ("all", "actor", "critics"),
}


_OFFLINE_CHOICES = {name: words for name, words in CHOICES.items() if name != "replay_sampling"} | {
    "agent": configuration.OFFLINE_AGENTS,
    "suite": ("atari",),
    "network": ("impala", "nature"),
    "preset": configuration.CONTROL_PRESETS,
    "data_sample": ("random", "first"),
}


def choices(kind: type[Config]) -> dict[str, tuple[str, ...]]:
    """Returns {field: its words} of a kind of configuration."""
    return {ContinuousConfig: _CONTROL_CHOICES, OfflineConfig: _OFFLINE_CHOICES}.get(kind, CHOICES)


_Check = tuple[Callable[[float], bool], str]


def _at_least(minimum: float) -> _Check:
    return lambda value: value >= minimum, f"must be at least {minimum:,}"


_PROBABILITY: _Check = (lambda value: 0 <= value <= 1, "must be in [0, 1]")
_POSITIVE: _Check = (lambda value: value > 0, "must be more than 0")
_ANY: _Check = (lambda value: True, "")

# One line a field: what its value alone must satisfy. Numbers that are not here must be >= 0.
_BOUNDS: dict[str, _Check] = {
    "num_envs": _at_least(1),
    "sticky_actions": (lambda value: 0 <= value < 1, "must be in [0, 1)"),
    "frame_skip": _at_least(1),
    "max_episode_steps": _at_least(1),
    "width": _at_least(0.25),
    "gamma": _PROBABILITY,
    "n_step": _at_least(1),
    "batch_size": _at_least(1),
    # units.cycle counts in thousandths.
    "replay_ratio": _at_least(0.001),
    "learning_rate": _POSITIVE,
    "adam_epsilon": _POSITIVE,
    "target_update_period": _at_least(1),
    "epsilon_train": _PROBABILITY,
    "epsilon_decay_period": _at_least(1),
    "num_atoms": _at_least(2),
    "v_max": _POSITIVE,
    "replay_capacity": _at_least(1),
    "log_capacity": _at_least(10),
    "sparsity": (lambda value: 0 <= value < 1, "must be in [0, 1): 0.95 leaves one weight in twenty"),
    "dense_sparsity": (lambda value: 0 <= value < 1, "must be in [0, 1); 0 for none of its own"),
    "prune_start": _PROBABILITY,
    "prune_end": _PROBABILITY,
    "prune_every": _at_least(1),
    "exchange": _PROBABILITY,
    "redo_every": _at_least(1),
    "redo_batch": _at_least(1),
    "reset_every": _at_least(1),
    "diagnostics_every": _at_least(1),
    "diagnostics_batch": _at_least(2),
    "covariance_batch": _at_least(2),
    "srank_delta": (lambda value: 0 < value < 1, "must be in (0, 1)"),
    "total_frames": _POSITIVE,
    "iteration_frames": _POSITIVE,
    "checkpoint_every": _POSITIVE,
    "log_every": _POSITIVE,
    "eval_steps": _at_least(1),
    "eval_epsilon": _PROBABILITY,
    "seed": (lambda value: 0 <= value < 2**31, "must be in [0, 2^31)"),
}


_CONTROL_BOUNDS = _BOUNDS | {
    "max_episode_steps": _at_least(0),
    "actor_learning_rate": _POSITIVE,
    "critic_learning_rate": _POSITIVE,
    "alpha_learning_rate": _POSITIVE,
    "tau": (lambda value: 0 < value <= 1, "must be in (0, 1]"),
    "reward_scale": _POSITIVE,
    "initial_alpha": _POSITIVE,
    "target_entropy": _ANY,
    "total_steps": _POSITIVE,
    "iteration_steps": _POSITIVE,
    "eval_episodes": _at_least(1),
}


_OFFLINE_BOUNDS = _BOUNDS | {
    "dataset_run": _at_least(1),
    "data_fraction": (lambda value: 0 < value <= 1, "must be in (0, 1]"),
    "reload_every": _at_least(1),
    "iterations": _at_least(1),
    "iteration_steps": _at_least(1),
}


def choice_message(value: str, allowed: Collection[str]) -> str:
    """Returns what to say of a word that is not among ``allowed``, with the nearest that are.

    >>> choice_message("impla", ("impala", "nature"))
    "'impla' is not one of impala, nature; did you mean impala?"
    """
    nearest = difflib.get_close_matches(value.lower(), allowed, n=2)
    hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
    return f"{value!r} is not one of {', '.join(allowed)}{hint}"


def validate(config: Config) -> None:
    """Checks that the configuration describes a run that can be made.

    It does not check the machine: the replay's memory and the run directory have their own checks.

    Raises:
      UserError: a field is out of its range, or fields contradict each other.
    """
    for name, value in configuration.flatten(config).items():
        check_field(name, value, type(config))
    if isinstance(config, ExperimentConfig):
        _SUITES[config.environment.suite](config)
    _check_replay(config, _window(config))
    _check_experience(config, _window(config))
    if config.pruning.pruning != "none":
        _check_pruning(config)
    # The list of games comes with the emulator, which --help can do without.
    from tf_pruned_rl import environments

    environments.canonical(config)


@functools.singledispatch
def _window(config: Config) -> int:
    """Returns the entries of one environment that a sample may span."""
    raise TypeError(f"no replay for a {type(config).__name__}")


@_window.register
def _(config: ExperimentConfig) -> int:
    # The frames of a stack, n rewards and the frame after them.
    stack = 1 if config.environment.suite == "minatar" else 4
    return config.learning.n_step + stack + 1


@_window.register
def _(config: ContinuousConfig) -> int:
    # n transitions, the observation after them, and the one a truncation keeps.
    return config.learning.n_step + 2


def _check_atari(config: ExperimentConfig) -> None:
    """Refuses what is for MinAtar only."""
    if config.network.network == "minatar":
        raise UserError("--network=minatar is for --suite=minatar: use impala or nature")


# What has no meaning in MinAtar: the only value it may have there, and why.
_NOT_IN_MINATAR = {
    "frame_skip": (1, "a frame is an agent step there"),
    "terminal_on_life_loss": (False, "its games have no lives"),
    "max_noops": (0, "its games have no idle starts"),
    "log_replay": ("", "the dataset's format is of 84x84 frames"),
    "augmentation": (False, "a shift by up to four of its ten cells is another state"),
}


def _check_minatar(config: ExperimentConfig) -> None:
    """Refuses what is for Atari only."""
    if config.agent == "drq_eps":
        raise UserError("--agent=drq_eps is not for --suite=minatar: use dqn, rainbow or der")
    if config.preset == "atari100k":
        raise UserError("--preset=atari100k is not for --suite=minatar: use paper or quick")
    if config.network.network == "nature":
        raise UserError("--network=nature is not for --suite=minatar: use impala or minatar")
    flat = configuration.flatten(config)
    for name, (only, reason) in _NOT_IN_MINATAR.items():
        if flat[name] != only:
            raise UserError(
                f"--{name}={flat[name]} means nothing in --suite=minatar ({reason}): leave it out"
            )


_SUITES = {"atari": _check_atari, "minatar": _check_minatar}


def check_field(name: str, value: object, kind: type[Config]) -> None:
    """Checks one field of a kind of configuration by itself.

    Raises:
      UserError: it is out of its range.
    """
    words = choices(kind)
    bounds = {ContinuousConfig: _CONTROL_BOUNDS, OfflineConfig: _OFFLINE_BOUNDS}.get(kind, _BOUNDS)
    if name in words and value not in words[name]:
        raise UserError(f"--{name}: {choice_message(str(value), words[name])}")
    if isinstance(value, str | bool):
        return
    assert isinstance(value, int | float)
    if not math.isfinite(value):
        raise UserError(f"--{name}={value} must be a finite number")
    accepts, rule = bounds.get(name, _at_least(0))
    if not accepts(value):
        raise UserError(f"--{name}={value} {rule}")


def _check_replay(config: Config, window: int) -> None:
    """Checks that the buffer can hold what is asked of it; a sample spans ``window`` entries."""
    replay, learner = config.replay, config.learning
    num_envs = config.environment.num_envs
    per_env = replay.replay_capacity // num_envs
    if per_env < window:
        raise UserError(
            f"--replay_capacity={replay.replay_capacity} leaves {per_env} steps for each of {num_envs} "
            f"environments, but --n_step={learner.n_step} needs {window}: use at least {window * num_envs}"
        )
    wanted = {"batch_size": learner.batch_size, "min_replay_history": replay.min_replay_history}
    for name, needed in wanted.items():
        if replay.replay_capacity < needed:
            raise UserError(
                f"--replay_capacity={replay.replay_capacity} is less than --{name}={needed}: raise the one "
                "or lower the other"
            )
    budget = units.budget(config)
    if budget.gradient_steps < 1:
        least = (budget.warmup_agent_steps + budget.cycle.agent_steps) * config.frames_per_step
        raise UserError(
            f"--{config.budget_field}={config.run.total_frames} ends inside the warm-up of "
            f"--min_replay_history={replay.min_replay_history} agent steps: use at least {least} "
            f"{config.unit}, or a shorter warm-up"
        )


@functools.singledispatch
def _check_experience(config: Config, window: int) -> None:
    """Checks where what is learned from comes from, and goes to; a sample spans ``window`` entries."""
    least = window * config.environment.num_envs
    if config.replay.min_replay_history < least:
        raise UserError(
            f"--min_replay_history={config.replay.min_replay_history} is too short for one sample with "
            f"--n_step={config.learning.n_step} and --num_envs={config.environment.num_envs}: use at least "
            f"{least}"
        )


@_check_experience.register
def _(config: OfflineConfig, window: int) -> None:
    del window
    if not config.replay.data:
        raise UserError(
            "no data to learn from: give --data=DIR, with GAME/RUN/replay_logs in it (online.py --log_replay "
            "makes one)"
        )


@_check_experience.register
def _(config: ExperimentConfig, window: int) -> None:
    _check_experience.dispatch(object)(config, window)
    if config.replay.log_replay and config.environment.suite != "atari":
        raise UserError("--log_replay writes the screens of Atari games: leave it out, or use --suite=atari")
    if config.replay.log_replay and config.environment.num_envs > 1:
        raise UserError(
            f"--log_replay writes the episodes of one game one after the other: use --num_envs=1, not "
            f"{config.environment.num_envs}"
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
            f"{pruning.prune_end}: raise --{config.budget_field} (the run has {budget.gradient_steps} "
            "gradient steps)"
        )
    if budget.prune_end > budget.gradient_steps:
        raise UserError(
            f"--prune_end={pruning.prune_end} is gradient step {budget.prune_end}, but only "
            f"{budget.gradient_steps} are made after the warm-up of {budget.warmup_agent_steps} agent steps: "
            f"lower --prune_end or --min_replay_history, or raise --{config.budget_field}"
        )
