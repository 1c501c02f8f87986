"""Library use: TF-Agents' own agents pruned in three lines."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_agents.agents.categorical_dqn import categorical_dqn_agent
from tf_agents.agents.ddpg import critic_network
from tf_agents.agents.dqn import dqn_agent
from tf_agents.agents.sac import sac_agent
from tf_agents.agents.tf_agent import TFAgent
from tf_agents.networks import actor_distribution_network, categorical_q_network, q_network
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory

from tf_pruned_rl.pruning import Pruner, kernels

FRAME = tensor_spec.BoundedTensorSpec((10, 10, 2), tf.float32, np.zeros((10, 10, 2)), np.ones((10, 10, 2)))
CHOICE = tensor_spec.BoundedTensorSpec((), tf.int32, 0, 3)
ARCHITECTURE = {"conv_layer_params": ((4, 3, 2),), "fc_layer_params": (16,)}


def _adam() -> tf_keras.optimizers.legacy.Adam:
    return tf_keras.optimizers.legacy.Adam(1e-2)


def _counter() -> tf.Variable:
    # TF-Agents' default is one counter for all agents of the process.
    return tf.Variable(0, dtype=tf.int64)


def _dqn() -> TFAgent:
    network = q_network.QNetwork(FRAME, CHOICE, **ARCHITECTURE)
    return dqn_agent.DqnAgent(
        ts.time_step_spec(FRAME),
        CHOICE,
        q_network=network,
        optimizer=_adam(),
        target_update_period=6,
        train_step_counter=_counter(),
    )


def _categorical() -> TFAgent:
    network = categorical_q_network.CategoricalQNetwork(FRAME, CHOICE, num_atoms=11, **ARCHITECTURE)
    return categorical_dqn_agent.CategoricalDqnAgent(
        ts.time_step_spec(FRAME),
        CHOICE,
        categorical_q_network=network,
        optimizer=_adam(),
        target_update_period=6,
        train_step_counter=_counter(),
        min_q_value=-1,
        max_q_value=1,
    )


def _sac() -> TFAgent:
    state = tensor_spec.TensorSpec((7,), tf.float32)
    action = tensor_spec.BoundedTensorSpec((2,), tf.float32, -1.0, 1.0)
    return sac_agent.SacAgent(
        ts.time_step_spec(state),
        action,
        critic_network=critic_network.CriticNetwork((state, action), joint_fc_layer_params=(32, 32)),
        actor_network=actor_distribution_network.ActorDistributionNetwork(
            state, action, fc_layer_params=(32, 32)
        ),
        actor_optimizer=_adam(),
        critic_optimizer=_adam(),
        alpha_optimizer=_adam(),
        target_update_tau=0.1,
        train_step_counter=_counter(),
    )


def _experience(agent: TFAgent, seed: int) -> trajectory.Trajectory:
    spec = agent.collect_data_spec
    sampled = tensor_spec.sample_spec_nest(spec, outer_dims=(8, 2), seed=seed)
    middle = tf.ones((8, 2), tf.int32)
    return sampled._replace(
        step_type=middle,
        next_step_type=middle,
        observation=tf.random.stateless_uniform((8, 2, *spec.observation.shape), (seed, 1)),
        reward=tf.random.stateless_normal((8, 2), (seed, 2)),
        discount=tf.ones((8, 2)),
    )


def _train(agent: TFAgent, pruner: Pruner, steps: int) -> None:
    @tf.function
    def step(experience: trajectory.Trajectory) -> None:
        agent.train(experience)
        pruner.after_gradient_step(agent.train_step_counter)

    for seed in range(steps):
        step(_experience(agent, seed))
        pruner.check(seed + 1)


@pytest.mark.parametrize("make", [_dqn, _categorical])
def test_dqn_agents_and_their_targets(make) -> None:
    agent = make()
    agent.initialize()
    pruner = Pruner(agent, sparsity=0.9, begin_step=2, end_step=11, every=4)
    assert [len(row["shape"]) for row in pruner.table()] == [4, 2, 2]
    _train(agent, pruner, 12)
    assert pruner.sparsity() == pytest.approx(0.9, abs=0.002)
    # The target was copied in this last step, when the sparsity was final.
    pairs = kernels.target_pairs(agent)
    assert len(pairs) == 3
    for target, online in pairs:
        np.testing.assert_array_equal(target, online)
    before = [target.numpy() for target, _ in pairs]
    agent.train(_experience(agent, 99))
    pruner.after_gradient_step(agent.train_step_counter)
    for (target, online), value in zip(pairs, before, strict=True):
        np.testing.assert_array_equal(target, value)
        np.testing.assert_array_equal(online.numpy() == 0, value == 0)


def test_sac_prunes_actor_and_critics_each_for_itself() -> None:
    agent = _sac()
    agent.initialize()
    pruner = Pruner(agent, sparsity=0.9, begin_step=2, end_step=9, every=4)
    _train(agent, pruner, 12)
    rows = pruner.table()
    networks = {row["layer"].split("/")[0] for row in rows}
    assert networks == {"actor_network", "critic_network_1", "critic_network_2"}
    for network in networks:
        mine = [row for row in rows if row["layer"].startswith(network + "/")]
        assert len(mine) >= 3
        size = sum(row["parameters"] for row in mine)
        assert 1 - sum(row["nonzero"] for row in mine) / size == pytest.approx(0.9, abs=len(mine) / size)
    pairs = kernels.target_pairs(agent)
    assert len(pairs) == 6
    for target, online in pairs:
        assert np.count_nonzero(target.numpy()[online.numpy() == 0]) == 0
        assert not np.array_equal(target, online)
