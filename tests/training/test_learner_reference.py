"""The learner against the slow path: TF-Agents' own `train` on trajectories, through Keras's own layers."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_agents.agents.categorical_dqn import categorical_dqn_agent
from tf_agents.agents.dqn import dqn_agent
from tf_agents.networks import network
from tf_agents.trajectories import trajectory
from tf_agents.utils import common

from tf_pruned_rl import agents, config
from tf_pruned_rl.agents import q_learning
from tf_pruned_rl.agents.optimizer import Adam
from tf_pruned_rl.environments import DiscreteSpec
from tf_pruned_rl.replay.batch import Batch

STEPS, NUM_ACTIONS, BATCH_SIZE, TARGET_PERIOD = 200, 4, 4, 25


class PlainNetwork(network.Network):
    """A Q-network of Keras's own layers with the weights of ``model``."""

    def __init__(self, input_tensor_spec, model: tf_keras.Model, num_atoms: int, name: str = "plain"):
        super().__init__(input_tensor_spec=input_tensor_spec, state_spec=(), name=name)
        self.num_atoms = num_atoms
        self.model = tf_keras.models.clone_model(model)
        self.model.set_weights(model.get_weights())

    def call(self, observation, step_type=None, network_state=(), training=False):
        return self.model(observation, training=training), network_state


def _slow_agent(settings, model: tf_keras.Model):
    time_step_spec, action_spec = q_learning.specs(DiscreteSpec(NUM_ACTIONS))
    learner = settings.learning
    arguments = {
        "optimizer": Adam(learning_rate=learner.learning_rate, epsilon=learner.adam_epsilon),
        # The batch's discounts hold gamma^n already.
        "gamma": 1.0,
        "target_update_period": TARGET_PERIOD,
        "train_step_counter": tf.Variable(0, dtype=tf.int64),
    }
    plain = PlainNetwork(time_step_spec.observation, model, learner.num_atoms)
    if settings.agent == "dqn":
        loss = {"td_errors_loss_fn": common.element_wise_squared_loss}
        agent = dqn_agent.DqnAgent(time_step_spec, action_spec, plain, **arguments, **loss)
    else:
        limits = {"min_q_value": -learner.v_max, "max_q_value": learner.v_max}
        agent = categorical_dqn_agent.CategoricalDqnAgent(
            time_step_spec, action_spec, plain, **arguments, **limits
        )
    agent.initialize()
    return agent


def _batches(weighted: bool):
    """The batches of a fixed replay, with importance weights or ones."""
    rng = np.random.default_rng(8)
    for _ in range(STEPS):
        stacks = rng.integers(0, 256, (2, BATCH_SIZE, 84, 84, 4)).astype(np.uint8)
        batch = Batch(
            observations=tf.constant(stacks[0]),
            actions=tf.constant(rng.integers(0, NUM_ACTIONS, BATCH_SIZE), tf.int32),
            returns=tf.constant(rng.uniform(-1, 1, BATCH_SIZE), tf.float32),
            discounts=tf.constant(0.97 * (rng.uniform(size=BATCH_SIZE) > 0.1), tf.float32),
            next_observations=tf.constant(stacks[1]),
            indices=tf.range(BATCH_SIZE, dtype=tf.int64),
            probabilities=tf.ones(BATCH_SIZE),
        )
        weights = rng.uniform(0.2, 1, BATCH_SIZE) if weighted else np.ones(BATCH_SIZE)
        yield batch, tf.constant(weights, tf.float32)


def _as_trajectory(batch: Batch) -> trajectory.Trajectory:
    middle, zeros = tf.ones([BATCH_SIZE, 2], tf.int32), tf.zeros([BATCH_SIZE])
    return trajectory.Trajectory(
        step_type=middle,
        observation=tf.stack([batch.observations, batch.next_observations], axis=1),
        action=tf.stack([batch.actions, batch.actions], axis=1),
        policy_info=(),
        next_step_type=middle,
        reward=tf.stack([batch.returns, zeros], axis=1),
        discount=tf.stack([batch.discounts, zeros], axis=1),
    )


def _follow(fast, slow) -> bool:
    """Gives the slow agent the fast one's state if their weights have drifted apart; says whether."""
    pairs = zip(fast.model.get_weights(), slow._q_network.model.get_weights(), strict=True)
    if all(np.abs(ours - theirs).max() <= 1e-5 * np.abs(ours).max() for ours, theirs in pairs):
        return False
    slow._q_network.model.set_weights(fast.model.get_weights())
    slow._target_q_network.model.set_weights(fast.target_model.get_weights())
    slow._optimizer.set_weights(fast.optimizer.get_weights())
    return True


@pytest.mark.parametrize(("name", "net"), [("dqn", "impala"), ("rainbow", "nature")])
def test_the_loss_of_each_of_200_steps_is_that_of_the_slow_path(name: str, net: str) -> None:
    """1e-4 relative: both round in float32, in another order, and train on what they rounded.

    A unit that is zero but for rounding may take part in one gradient and not in the other, which sets
    the two apart for good. That is rare (which steps, depends on the processor and its threads); from
    there they go on from the same weights. Of a path that is wrong every step would be such a one.
    """
    settings = config.replace(config.preset(name), network=net, width=0.25)
    tf_keras.utils.set_random_seed(7)
    fast = agents.create(settings, DiscreteSpec(NUM_ACTIONS))
    slow = _slow_agent(settings, fast.model)
    step = tf.function(lambda batch, weights: fast.train_step(batch, weights)[0])
    train = tf.function(lambda experience, weights: slow.train(experience, weights=weights).loss)
    losses, parted = [], 0
    # TF-Agents' categorical agent takes no notice of weights.
    for number, (batch, weights) in enumerate(_batches(weighted=name == "dqn"), start=1):
        losses.append((step(batch, weights).numpy(), train(_as_trajectory(batch), weights).numpy()))
        if number % TARGET_PERIOD == 0:
            fast.update_target()
        parted += _follow(fast, slow)
    ours, theirs = np.array(losses, np.float64).T
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    assert parted <= STEPS // 10
    assert np.ptp(theirs) > 1e-3 * theirs.mean()  # something was learned from, and something differs
