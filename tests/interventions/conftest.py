"""A small learner, a replay of random frames, and what of it can be compared."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import config
from tf_pruned_rl.environments import DiscreteSpec
from tf_pruned_rl.replay import FrameReplay
from tf_pruned_rl.training.learner import Learner

SMALL = {
    "network": "nature",
    "width": 0.25,
    "batch_size": 4,
    "total_frames": 8_000,
    "min_replay_history": 40,
    "replay_capacity": 400,
    "prune_every": 20,
    "prune_start": 0.1,
}


@pytest.fixture(scope="session")
def replay() -> FrameReplay:
    """100 random entries."""
    replay, rng = FrameReplay(200, batch_size=4), np.random.default_rng(3)
    add = tf.function(replay.add)
    for step in range(100):
        frame = tf.constant(rng.integers(0, 256, (1, 84, 84)), tf.uint8)
        reward = tf.constant(rng.uniform(-1, 1, 1), tf.float32)
        add(frame, tf.constant([step % 4]), reward, tf.constant([step % 40 == 39]), tf.constant([False]))
    return replay


@pytest.fixture(scope="session")
def make_learner() -> Callable[..., Learner]:
    def make(**changes: object) -> Learner:
        tf_keras.utils.set_random_seed(5)
        return Learner(config.replace(config.preset("dqn"), **{**SMALL, **changes}), DiscreteSpec(4))

    return make


@pytest.fixture(scope="session")
def snapshot() -> Callable[[Learner], dict[str, np.ndarray]]:
    """Weights, Adam's moments, and the target network's weights, by name."""

    def take(learner: Learner) -> dict[str, np.ndarray]:
        agent = learner.agent
        values = {"iterations": agent.optimizer.iterations.numpy()}
        for layer in agent.model.layers:
            for name in ("kernel", "bias") if layer.weights else ():
                variable = getattr(layer, name)
                values[f"{layer.name}/{name}"] = variable.numpy()
                for slot in ("m", "v"):
                    values[f"{layer.name}/{name}/{slot}"] = agent.optimizer.get_slot(variable, slot).numpy()
                target = agent.target_model.get_layer(layer.name)
                values[f"target/{layer.name}/{name}"] = getattr(target, name).numpy()
        return values

    return take
