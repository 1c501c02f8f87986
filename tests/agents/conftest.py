"""A batch with every kind of transition, and small agents."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import agents, config
from tf_pruned_rl.environments import DiscreteSpec
from tf_pruned_rl.replay.batch import Batch

NUM_ACTIONS = 4
BATCH_SIZE = 8


@pytest.fixture(scope="session")
def batch() -> Batch:
    """Eight transitions; those at 2 and 5 are terminal."""
    rng = np.random.default_rng(11)
    stacks = rng.integers(0, 256, (2, BATCH_SIZE, 84, 84, 4)).astype(np.uint8)
    discounts = np.full(BATCH_SIZE, 0.99, np.float32)
    discounts[[2, 5]] = 0.0
    return Batch(
        observations=tf.constant(stacks[0]),
        actions=tf.constant(rng.integers(0, NUM_ACTIONS, BATCH_SIZE), tf.int32),
        returns=tf.constant(rng.normal(0, 1, BATCH_SIZE), tf.float32),
        discounts=tf.constant(discounts),
        next_observations=tf.constant(stacks[1]),
        indices=tf.range(BATCH_SIZE, dtype=tf.int64),
        probabilities=tf.ones(BATCH_SIZE),
    )


@pytest.fixture(scope="session")
def weights() -> tf.Tensor:
    """Importance weights, none equal."""
    return tf.constant(np.linspace(0.1, 1.0, BATCH_SIZE), tf.float32)


@pytest.fixture(scope="session")
def make_agent() -> Callable[..., agents.DqnAgent | agents.RainbowAgent]:
    """Makes an agent on a narrow Nature network whose target network differs from the online one."""

    def make(name: str = "dqn", same_target: bool = False, **changes: object):
        tf_keras.utils.set_random_seed(4)
        settings = {"network": "nature", "width": 0.25, **changes}
        agent = agents.create(config.replace(config.preset(name), **settings), DiscreteSpec(NUM_ACTIONS))
        if not same_target:
            rng = np.random.default_rng(6)
            for variable in agent.target_model.trainable_variables:
                variable.assign_add(rng.normal(0, 0.02, variable.shape))
        return agent

    return make
