"""A sparsity that would leave a layer nothing is named, and the one that is named instead is possible."""

from __future__ import annotations

import math

import pytest

from tf_pruned_rl import config
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.pruning import feasible

SHAPES = {"hidden1": (3, 256), "hidden2": (256, 256), "output": (256, 1)}
PENDULUM = config.replace(config.preset("sac"), env="Pendulum-v1", distribution="uniform")


@pytest.mark.parametrize("distribution", ["uniform", "erk"])
def test_the_highest_is_possible_and_a_little_more_is_not(distribution):
    most = feasible.highest(distribution, SHAPES)
    assert feasible.first_empty(distribution, SHAPES, most) is None
    if most < 0.99999:
        assert feasible.first_empty(distribution, SHAPES, most + 1e-5) is not None


def test_uniform_by_hand():
    # Of the 256 weights of the last layer less than half a one stays beyond 1 - 0.5 / 256.
    assert feasible.highest("uniform", SHAPES) == math.floor((1 - 0.5 / 256) * 1e5) / 1e5
    assert feasible.first_empty("uniform", SHAPES, 0.9985) == "output"
    assert feasible.first_empty("uniform", SHAPES, 0.998) is None


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
    ],
)
def test_what_is_not_pruned_does_not_count(changes):
    feasible.check(config.replace(PENDULUM, sparsity=0.9985, **changes))


def test_atari_is_passed():
    feasible.check(config.preset("dqn"))
