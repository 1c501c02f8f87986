"""Tests of the configuration: the published numbers, and its flat names."""

import dataclasses

import pytest

from tf_pruned_rl import config

# Rainbow and DQN as Dopamine publishes them, and the paper's pruning, section 3.
PAPER = {
    "game": "Pong",
    "sticky_actions": 0.25,
    "frame_skip": 4,
    "max_episode_steps": 27_000,
    "network": "impala",
    "width": 1.0,
    "gamma": 0.99,
    "batch_size": 32,
    "replay_ratio": 0.25,
    "learning_rate": 6.25e-5,
    "adam_epsilon": 1.5e-4,
    "target_update_period": 8_000,
    "epsilon_train": 0.01,
    "epsilon_decay_period": 250_000,
    "num_atoms": 51,
    "v_max": 10.0,
    "replay_capacity": 1_000_000,
    "min_replay_history": 20_000,
    "pruning": "magnitude",
    "sparsity": 0.95,
    "prune_start": 0.2,
    "prune_end": 0.8,
    "total_frames": 40_000_000,
    "eval_steps": 125_000,
    "eval_epsilon": 0.001,
}


@pytest.mark.parametrize(
    ("agent", "rule"),
    [
        ("dqn", {"loss": "mse", "n_step": 1, "replay_sampling": "uniform"}),
        ("rainbow", {"loss": "c51", "n_step": 3, "replay_sampling": "prioritized"}),
    ],
)
def test_paper_preset_is_the_published_setting(agent, rule):
    flat = config.flatten(config.preset(agent))
    expected = {"agent": agent, "preset": "paper"} | PAPER | rule
    assert {name: flat[name] for name in expected} == expected


def test_quick_preset_is_short_and_changes_neither_agent_nor_pruning():
    paper, quick = config.preset("rainbow"), config.preset("rainbow", "quick")
    assert quick.run.total_frames < paper.run.total_frames / 100
    assert quick.network == paper.network
    assert quick.learning == dataclasses.replace(
        paper.learning,
        target_update_period=quick.learning.target_update_period,
        epsilon_decay_period=quick.learning.epsilon_decay_period,
    )
    assert quick.pruning == dataclasses.replace(paper.pruning, prune_every=quick.pruning.prune_every)


def test_field_names_are_unique_across_groups():
    names = ["agent", "preset"]
    for group in config.GROUPS:
        names += [field.name for field in dataclasses.fields(getattr(config.ExperimentConfig(), group))]
    assert len(names) == len(set(names))
    assert list(config.flatten(config.ExperimentConfig())) == names


def test_replace_finds_the_group_and_leaves_the_rest():
    before = config.ExperimentConfig()
    after = config.replace(before, sparsity=0.5, game="Breakout", agent="rainbow")
    changed = {
        name: value for name, value in config.flatten(after).items() if config.flatten(before)[name] != value
    }
    assert changed == {"agent": "rainbow", "game": "Breakout", "sparsity": 0.5}
    assert before == config.ExperimentConfig()


def test_replace_refuses_a_name_that_is_no_field():
    with pytest.raises(KeyError, match="sparsety"):
        config.replace(config.ExperimentConfig(), sparsety=0.5)


@pytest.mark.parametrize("of", config.CONFIGS, ids=lambda of: of.kind.name)
def test_fields_are_those_of_flatten_in_order(of):
    assert list(config.fields(of)) == list(config.flatten(of()))
    assert all(field.name == name for name, field in config.fields(of).items())


def test_an_unknown_agent_has_the_configuration_of_games():
    # config.json of an unknown agent is read as far as possible, and refused with its words.
    assert config.config_class("nobody") is config.ExperimentConfig


def test_configuration_is_frozen_and_hashable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.ExperimentConfig().run.seed = 1  # type: ignore[misc]
    assert hash(config.preset("dqn")) == hash(config.preset("dqn"))
