"""Every random generator of the house, by a seed and a purpose.

A run has one seed. Two generators of the same seed would draw the same numbers, so each mixes a number of
its own into the seed: its ``Purpose``. NumPy's ``SeedSequence`` turns such a key into independent streams
(https://numpy.org/doc/stable/reference/random/parallel.html). The numbers are part of every run's results:
changing one changes what a run draws.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


class Purpose(enum.IntEnum):
    """What a generator draws."""

    REPLAY_SAMPLING = 0x5E91A7
    """The batches of a replay buffer."""
    AUGMENTATION = 0xD29
    """Shifts and intensities of DrQ's observations."""
    SAC_ACTIONS = 0x5AC
    """The actions in the losses of Soft Actor-Critic."""
    PRUNING = 0x9B0E
    """Random masks, and what grows at random."""
    INTERVENTIONS = 0x1E5E7
    """New weights for ReDo and Reset."""
    DIAGNOSTICS = 0xD1A6
    """The states that diagnostics are measured on."""
    DATA_SAMPLE = 0xDA7A
    """Which part of each buffer of a data set is taken."""
    DATA_ORDER = 0x0DE2
    """The order in which a data set's parts are read."""
    NOOPS = 0x1D7E
    """The idle steps at the start of an Atari episode."""


class RunSeeds(NamedTuple):
    """What a run's seed becomes for libraries that take a plain number."""

    weights: int
    """Initial weights, and whatever else TensorFlow draws without a generator."""
    environment: int
    collector: int
    """Random actions."""


def run_seeds(seed: int) -> RunSeeds:
    """Returns three independent 32-bit seeds."""
    return RunSeeds(*map(int, np.random.SeedSequence(seed).generate_state(3)))


def evaluation_seed(seed: int, agent_steps: int) -> int:
    """Returns the seed of an evaluation at a step: no state of it needs to be saved."""
    return (seed << 32) + agent_steps


def numpy_generator(*key: int) -> np.random.Generator:
    """Returns a NumPy generator (PCG64).

    Args:
      *key: the seed and the ``Purpose``, and numbers that tell generators of one purpose apart. The order
        matters to what is drawn.
    """
    return np.random.default_rng(_checked(key))


def philox_seed(*key: int) -> int:
    """Returns the seed of a TensorFlow generator, in [0, 2**63); ``key`` is as of ``numpy_generator``."""
    entropy = np.random.SeedSequence(_checked(key)).generate_state(1, np.uint64)[0]
    return int(entropy >> np.uint64(1))


def tensorflow_generator(*key: int) -> tf.random.Generator:
    """Returns a TensorFlow generator whose draws are the same on every device (Philox)."""
    import tensorflow as tf  # only here: a data set is read without it

    return tf.random.Generator.from_seed(philox_seed(*key), alg="philox")


def _checked(key: tuple[int, ...]) -> tuple[int, ...]:
    if not any(isinstance(number, Purpose) for number in key):
        raise ValueError(f"a generator needs a Purpose in its key, not only {key}")
    return tuple(map(int, key))
