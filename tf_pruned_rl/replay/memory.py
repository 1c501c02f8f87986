"""How much memory the replay takes, and whether this machine has it."""

from __future__ import annotations

import functools
import math

from tf_pruned_rl import runtime
from tf_pruned_rl.config import Config, ContinuousConfig, ExperimentConfig, OfflineConfig
from tf_pruned_rl.environments import check_env, screen, spaces
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.replay import dataset
from tf_pruned_rl.replay.frames import RECORD_COLUMNS
from tf_pruned_rl.replay.prioritized import FAN_OUT, level_sizes
from tf_pruned_rl.replay.transitions import entry_bytes

_RESERVE = 512 * 2**20
"""Bytes left for everything else: network, optimizer, activations."""


@functools.singledispatch
def bytes_needed(config: Config) -> int:
    """Returns the bytes of the full replay: observations, records and, if prioritized, the sum tree."""
    raise TypeError(f"no replay for a {type(config).__name__}")


@bytes_needed.register
def _(config: ExperimentConfig) -> int:
    num_envs = config.environment.num_envs
    entries = config.replay.replay_capacity // num_envs * num_envs
    total = (entries + 1) * math.prod(screen(config).frame_shape) + entries * RECORD_COLUMNS * 4
    if config.replay.replay_sampling == "prioritized":
        total += sum(level_sizes(entries)) * FAN_OUT * 8
    return total


@bytes_needed.register
def _(config: OfflineConfig) -> int:
    entries = _entries(config)
    return (entries + 1) * math.prod(screen(config).frame_shape) + entries * RECORD_COLUMNS * 4


@bytes_needed.register
def _(config: ContinuousConfig) -> int:
    sizes = spaces(check_env(config.environment.env))
    return config.replay.replay_capacity * entry_bytes(sizes.observation_size, sizes.action_size)


@functools.singledispatch
def _entries(config: Config) -> int:
    """Returns the entries of the full replay."""
    return config.replay.replay_capacity


@_entries.register
def _(config: OfflineConfig) -> int:
    return min(config.replay.replay_capacity, dataset.sample(config).entries)


def check_memory(config: Config) -> None:
    """Checks that the replay fits.

    Raises:
      UserError: it does not; the message names the largest capacity that does.
    """
    capacity, needed, available = _entries(config), bytes_needed(config), runtime.available_bytes()
    room = available - _RESERVE
    if needed <= room:
        return
    fits = int(room / needed * capacity) // 1_000 * 1_000
    advice = f"use --replay_capacity={fits} or less, or free some memory" if fits > 0 else "free some memory"
    raise UserError(
        f"the replay needs {_gigabytes(needed)} for --replay_capacity={capacity}, but "
        f"{_gigabytes(available)} of memory is available, {_gigabytes(_RESERVE)} of it for everything else: "
        f"{advice}"
    )


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:.2f} GB"
