"""The files of the DQN Replay Dataset (Agarwal et al., 2020), which Dopamine writes and reads.

A directory of logs holds replay buffers, numbered from 0. Each is several files, gzip around what
``numpy.save`` writes:

    $store$_observation_ckpt.N.gz   uint8 [capacity, 84, 84], single frames
    $store$_action_ckpt.N.gz        int32 [capacity]
    $store$_reward_ckpt.N.gz        float32 [capacity], clipped to [-1, 1]
    $store$_terminal_ckpt.N.gz      uint8 [capacity]
    add_count_ckpt.N.gz             entries ever added, a scalar
    invalid_range_ckpt.N.gz         entries around the place where the next one would have gone

Three empty entries stand before every episode. A buffer is written just before its last entry is, so
that one is old. The last buffer of a run is cut short: its count of entries is that of its own.
"""

from __future__ import annotations

import numpy as np

from tf_pruned_rl.environments.base import FRAME_SHAPE, STACK

PADDING = STACK - 1
"""Empty entries before an episode."""
ARRAYS: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
    "observation": (np.uint8, FRAME_SHAPE),
    "action": (np.int32, ()),
    "reward": (np.float32, ()),
    "terminal": (np.uint8, ()),
}
"""The type of an entry's parts and their shape, by the name of the array."""
COUNT, INVALID, ENDS = "add_count", "invalid_range", "episode_end_indices"
"""The other elements. The last is of newer Dopamine only, and is a pickle: it is never read here."""
ELEMENTS = (*(f"$store$_{array}" for array in ARRAYS), COUNT, INVALID)
"""What every buffer has."""


def element(array: str) -> str:
    """Returns the name of the element that holds an array."""
    return f"$store$_{array}"


def file_name(name: str, number: int) -> str:
    """Returns the name of an element's file.

    >>> file_name("add_count", 3)
    'add_count_ckpt.3.gz'
    """
    return f"{name}_ckpt.{number}.gz"


def run_directory(data: str, game: str, run: int) -> str:
    """Returns where a run on a game lies below the root of the data; its logs are in ``replay_logs``."""
    return f"{data.rstrip('/')}/{game}/{run}"


def invalid_range(cursor: int, capacity: int, n_step: int) -> np.ndarray:
    """Returns the entries that cannot be sampled when the next one goes to ``cursor``, int64 [n + 4]."""
    return (cursor - n_step + np.arange(STACK + n_step)) % capacity
