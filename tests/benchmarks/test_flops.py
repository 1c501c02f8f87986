"""Operations are counted from the real shapes; the known totals come out."""

from __future__ import annotations

import dataclasses

import pytest
import tf_keras
from measuring import flops

from tf_pruned_rl import networks
from tf_pruned_rl.config import NetworkConfig
from tf_pruned_rl.networks import mlp


def layers(network: str, width: float, **arguments: int) -> list[flops.Layer]:
    return flops.layers_of(networks.build(NetworkConfig(network, width), num_actions=6, **arguments))


@pytest.mark.parametrize(
    ("network", "width", "forward_millions", "step_billions"),
    [("nature", 1, 32.0, 3.87), ("impala", 1, 110.4, 13.88), ("impala", 3, 921, 117.2)],
)
def test_known_totals(network, width, forward_millions, step_billions):
    found = layers(network, width)
    assert flops.forward(found) / 1e6 == pytest.approx(forward_millions, rel=2e-3)
    assert flops.train_step(flops.q_learning(found), 32) / 1e9 == pytest.approx(step_billions, rel=1e-3)


def test_each_layer_by_hand():
    first, *_, dense, head = layers("impala", 1)
    assert first == flops.Layer(first.name, (84, 84, 4), (84, 84, 16), (3, 3), 1)
    assert first.forward == 2 * 84 * 84 * 16 * 9 * 4
    assert (dense.forward, head.forward) == (2 * 3872 * 512, 2 * 512 * 6)
    strided = layers("nature", 1)[0]
    assert strided.forward == 2 * 21 * 21 * 32 * 8 * 8 * 4


def test_a_distribution_widens_the_head_only():
    values, atoms = layers("nature", 1), layers("nature", 1, num_atoms=51)
    assert values[:-1] == atoms[:-1]
    assert atoms[-1].forward == 51 * values[-1].forward


def test_the_first_layer_gets_no_gradient_towards_its_input():
    one = flops.Layer("a", (3,), (5,))
    two = dataclasses.replace(one, inputs=(5,), outputs=(7,))
    assert flops.train_step(flops.q_learning([one, two]), 10) == 10 * (3 * 30 + 4 * 70)


def test_soft_actor_critic_pass_by_pass():
    # HalfCheetah: 17 numbers observed, actions of 6. Multiply-accumulates of a sample, by what runs.
    actor = 17 * 256 + 256 * 256 + 256 * 12
    critic = 23 * 256 + 256 * 256 + 256
    passes = {
        "next actions, and the two targets' values of them": actor + 2 * critic,
        "the critics' values, and back to the weights": 2 * (critic + critic + 256 * 256 + 256),
        "actions, and their values": actor + 2 * critic,
        "back through the critics to the actions": 2 * (256 + 256 * 256 + 6 * 256),
        "back through the actor to its weights": actor + 256 * 256 + 256 * 12,
    }
    uses = flops.actor_critic(
        flops.layers_of(mlp.actor(1, 17, 6)), flops.layers_of(mlp.critic(1, 17, 6)), action_size=6
    )
    assert flops.train_step(uses, 256) == 256 * 2 * sum(passes.values())
    assert flops.train_step(uses, 256) / 1e6 == pytest.approx(577, rel=1e-3)
    assert len({use.layer.name for use in uses}) == len(uses) == 7


def test_layers_that_cannot_be_counted_are_not_passed_over():
    model = tf_keras.Sequential([tf_keras.Input((4, 4, 2)), tf_keras.layers.DepthwiseConv2D(3)])
    with pytest.raises(ValueError, match="1 kernels, but 0 layers"):
        flops.layers_of(model)


def test_the_floor_of_the_loop():
    rate = flops.floor_steps_per_second(1_000, 6_000, 1e6, replay_ratio=0.25, environment_seconds=1e-3)
    assert rate == pytest.approx(1 / (1e-3 + 1.5e-3 + 1e-3))
