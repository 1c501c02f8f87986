"""Choosing the agent."""

from __future__ import annotations

import numpy as np
import pytest
import tf_keras
from tf_agents.agents.categorical_dqn.categorical_dqn_agent import CategoricalDqnAgent
from tf_agents.agents.dqn.dqn_agent import DqnAgent

from tf_pruned_rl import agents, config
from tf_pruned_rl.environments import DiscreteSpec
from tf_pruned_rl.errors import UserError


@pytest.mark.parametrize(
    ("loss", "ours", "theirs", "shape"),
    [
        ("mse", agents.DqnAgent, DqnAgent, (None, 6)),
        ("huber", agents.DqnAgent, DqnAgent, (None, 6)),
        ("c51", agents.RainbowAgent, CategoricalDqnAgent, (None, 6, 51)),
    ],
)
def test_loss_decides_the_agent(loss: str, ours: type, theirs: type, shape: tuple) -> None:
    settings = config.replace(config.preset("dqn"), loss=loss, network="nature", width=0.25)
    agent = agents.create(settings, DiscreteSpec(6))
    assert isinstance(agent, ours) and isinstance(agent, theirs)
    assert agent.model.output_shape == agent.target_model.output_shape == shape
    assert agent.model is not agent.target_model


def test_seed_decides_the_weights() -> None:
    settings = config.replace(config.preset("rainbow"), network="nature", width=0.25)

    def first_kernel(seed: int) -> np.ndarray:
        tf_keras.utils.set_random_seed(seed)
        return agents.create(settings, DiscreteSpec(6)).model.get_weights()[0]

    np.testing.assert_array_equal(first_kernel(1), first_kernel(1))
    assert not np.array_equal(first_kernel(1), first_kernel(2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "l1"}, "--loss: 'l1' is not one of mse, huber, c51"),
        ({"network": "vgg"}, "--network: 'vgg' is not one of impala, nature, minatar"),
    ],
)
def test_refuses_what_it_cannot_build(changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        agents.create(config.replace(config.preset("dqn"), **changes), DiscreteSpec(6))
