"""Sparsities that would empty a layer are refused, and the limit in the message is possible."""

from __future__ import annotations

import math

import pytest
import tf_keras

from tf_pruned_rl import config
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.networks import build, mlp
from tf_pruned_rl.pruning import feasible, kernels
from tf_pruned_rl.pruning.groups import KernelGroup, plan

PENDULUM = config.replace(config.preset("sac"), env="Pendulum-v1", distribution="uniform")
SMALL = config.replace(config.preset("dqn"), network="nature", width=0.25, distribution="uniform")


def groups(model: tf_keras.Model, *shapes: str) -> list[KernelGroup]:
    return plan(kernels.find(model), *shapes)


@pytest.mark.parametrize("distribution", ["uniform", "erk"])
@pytest.mark.parametrize("shape", ["unstructured", "block", "channel"])
def test_the_highest_is_possible_and_a_little_more_is_not(distribution, shape):
    planned = groups(mlp.critic(1, 2, 1), shape)
    settings = config.replace(PENDULUM, distribution=distribution)
    limit = feasible.highest(settings, planned)
    assert feasible.first_empty(config.replace(settings, sparsity=limit), planned) is None
    if limit < 0.99999:
        assert feasible.first_empty(config.replace(settings, sparsity=limit + 1e-5), planned) is not None


def test_uniform_by_hand():
    # Of the 256 weights of the last layer less than half a one stays beyond 1 - 0.5 / 256.
    planned = groups(mlp.critic(1, 2, 1), "unstructured")
    assert feasible.highest(PENDULUM, planned) == math.floor((1 - 0.5 / 256) * 1e5) / 1e5
    empty = feasible.first_empty(config.replace(PENDULUM, sparsity=0.9985), planned)
    assert empty is not None and empty.name == "output"
    assert feasible.first_empty(config.replace(PENDULUM, sparsity=0.998), planned) is None


def test_refusal_names_layer_and_limit():
    feasible.check(config.replace(PENDULUM, sparsity=0.998))
    with pytest.raises(
        UserError, match=r"layer output of the critics \(256 weights\): use at most 0.99804 here"
    ):
        feasible.check(config.replace(PENDULUM, sparsity=0.9985))


@pytest.mark.parametrize(
    "changes",
    [
        {"pruning": "none"},
        {"prune_output_layers": False},
        {"prune_networks": "actor"},
        {"distribution": "erk"},
        {"prune_layers": "hidden*"},
    ],
)
def test_what_is_not_pruned_does_not_count(changes):
    feasible.check(config.replace(PENDULUM, sparsity=0.9985, **changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        # Of 8 channels less than half a one stays beyond 15/16.
        (
            {"structure": "channel"},
            r"--sparsity=0.95 would leave no channel in layer conv1 of the network \(8 channels\): use at "
            "most 0.93750 here, or a larger --width",
        ),
        (
            {"dense_structure": "block", "block": "512x2", "dense_sparsity": 0.8},
            r"--dense_sparsity=0.8 would leave no block in layer head of the network \(2 blocks\): use at "
            "most 0.75000 here",
        ),
        # The third convolution has fewer than the first: 9 positions x 2.
        (
            {"structure": "block", "block": "512x8", "dense_structure": "unstructured", "sparsity": 0.999},
            r"layer conv1 of the network \(64 blocks\): use at most 0.97222 here",
        ),
        (
            {"suite": "minatar", "game": "Breakout", "network": "minatar", "structure": "channel"},
            r"no channel in layer conv of the network \(4 channels\): use at most 0.87500 here",
        ),
    ],
)
def test_structures_of_games(changes, says):
    with pytest.raises(UserError, match=says):
        feasible.check(config.replace(SMALL, **changes))


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (config.preset("dqn"), r"stack1_conv, .*, dense, head"),
        (
            config.replace(config.preset("rainbow"), network="nature"),
            "conv1, conv2, conv3, dense, ",
        ),
        (PENDULUM, "hidden1, hidden2, output"),
    ],
)
def test_a_pattern_that_matches_no_layer_names_the_layers(settings, names):
    with pytest.raises(UserError, match=r"--prune_layers=cow\*: cow\* matches no layer; .* are " + names):
        feasible.check(config.replace(settings, prune_layers="cow*"))


def test_a_stream_counts_as_one():
    model = build(config.NetworkConfig(network="impala", width=0.25), num_actions=3, frame_shape=(12, 12, 4))
    planned = groups(model, "channel")
    assert feasible.highest(SMALL, planned) == 0.875  # 4 channels in the first stack
    empty = feasible.first_empty(config.replace(SMALL, sparsity=0.9), planned)
    assert empty is not None
    assert empty.name == "stack1_conv + stack1_block1_conv2 + stack1_block2_conv2"


def test_atari_is_passed():
    feasible.check(config.preset("dqn"))
