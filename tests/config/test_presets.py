"""The tables of the presets: the published numbers of DER and DrQ(eps), and what quick does to lengths."""

from __future__ import annotations

import dataclasses

import pytest

from tf_pruned_rl import config
from tf_pruned_rl.config import presets, units

# Dopamine's labs/atari_100k (DER.gin, DrQ_eps.gin); P3's table 1 agrees.
BOTH = {
    "learning_rate": 1e-4,
    "adam_epsilon": 1.5e-4,
    "batch_size": 32,
    "gamma": 0.99,
    "n_step": 10,
    "replay_ratio": 1.0,
    "min_replay_history": 1_600,
    "double_q": True,
    "dueling": True,
    "sticky_actions": 0.0,
    "terminal_on_life_loss": True,
    "max_noops": 30,
    "eval_epsilon": 0.001,
    "eval_episodes": 100,
}
OWN = {
    "der": {
        "loss": "c51",
        "num_atoms": 51,
        "v_max": 10.0,
        "noisy": True,
        "augmentation": False,
        "replay_sampling": "prioritized",
        "target_update_period": 2_000,
    },
    "drq_eps": {
        "loss": "huber",
        "noisy": False,
        "augmentation": True,
        "replay_sampling": "uniform",
        "target_update_period": 1,
        "epsilon_train": 0.01,
        "epsilon_decay_period": 5_000,
    },
}


@pytest.mark.parametrize("agent", OWN)
@pytest.mark.parametrize(
    ("preset", "steps", "window"),
    [("atari100k", 100_000, (20_000, 80_000)), ("paper", 10_000_000, (2_000_000, 8_000_000))],
)
def test_low_data_agents_are_the_published_ones(agent, preset, steps, window):
    chosen = config.preset(agent, preset)
    flat = config.flatten(chosen)
    expected = BOTH | OWN[agent]
    assert {name: flat[name] for name in expected} == expected
    budget = units.budget(chosen)
    assert (budget.agent_steps, budget.nominal_gradient_steps) == (steps, steps)
    assert budget.gradient_steps == steps - 1_600
    assert (budget.prune_begin, budget.prune_end) == window
    assert budget.target_update_gradient_steps == OWN[agent]["target_update_period"]


@pytest.mark.parametrize("agent", config.AGENTS)
def test_atari_100k_forgets_nothing_and_evaluates_once_at_the_end(agent):
    run = config.preset(agent, "atari100k")
    assert run.run.total_frames == run.run.eval_every == 4 * run.replay.replay_capacity == 400_000
    assert run.run.eval_episodes == 100
    assert run.learning == config.preset(agent).learning and run.network == config.preset(agent).network


# Configs/dqn_breakout.gin and rainbow_breakout.gin of "Revisiting Rainbow"; what they leave alone is
# Dopamine's. The protocol is the package's.
MINATAR = {
    "sticky_actions": 0.1,
    "frame_skip": 1,
    "gamma": 0.99,
    "batch_size": 32,
    "replay_ratio": 0.25,
    "min_replay_history": 1_000,
    "replay_capacity": 100_000,
    "target_update_period": 1_000,
    "adam_epsilon": 3.125e-4,
    "epsilon_train": 0.01,
    "epsilon_decay_period": 250_000,
    "total_frames": 10_000_000,
    "network": "impala",
}
MINATAR_RULES = {
    "dqn": {"learning_rate": 2.5e-4, "n_step": 1, "replay_sampling": "uniform"},
    "rainbow": {"learning_rate": 1e-4, "n_step": 3, "replay_sampling": "prioritized", "v_max": 100.0},
}


@pytest.mark.parametrize("agent", MINATAR_RULES)
def test_minatar_is_as_published(agent):
    chosen = config.preset(agent, suite="minatar")
    flat = config.flatten(chosen)
    expected = MINATAR | MINATAR_RULES[agent]
    assert {name: flat[name] for name in expected} == expected
    budget = units.budget(chosen)
    assert (budget.agent_steps, budget.nominal_gradient_steps) == (10_000_000, 2_500_000)
    assert (budget.prune_begin, budget.prune_end) == (500_000, 2_000_000)
    assert budget.target_update_gradient_steps == 250


def test_der_learns_in_minatar_as_on_atari():
    here, there = config.preset("der", suite="minatar").learning, config.preset("der").learning
    assert here == dataclasses.replace(there, v_max=100.0)


@pytest.mark.parametrize("agent", ["dqn", "rainbow", "der"])
def test_quick_shortens_minatar_too(agent):
    paper, quick = (config.flatten(config.preset(agent, name, "minatar")) for name in ("paper", "quick"))
    changed = {name for name in paper if paper[name] != quick[name]} - {"preset"}
    assert changed <= set(presets.QUICK) and quick["total_frames"] == 32_000
    assert all(quick[name] < paper[name] for name in changed)


@pytest.mark.parametrize("agent", config.AGENTS + config.CONTROL_AGENTS)
def test_quick_only_shortens(agent):
    paper, quick = (config.flatten(config.preset(agent, name)) for name in ("paper", "quick"))
    changed = {name for name in paper if paper[name] != quick[name]} - {"preset"}
    assert changed <= set(presets.QUICK) | set(presets.QUICK_CONTROL)
    assert all(quick[name] < paper[name] for name in changed)


def test_tables_hold_fields():
    flat = config.flatten(config.ExperimentConfig())
    tables = [table for agent, table in presets.AGENTS.items() if agent in config.AGENTS]
    for table in [*tables, presets.ATARI_100K, presets.QUICK, presets.MINATAR]:
        assert set(table) <= set(flat)
    assert set(presets.AGENTS) == {*config.AGENTS, *config.CONTROL_AGENTS, *config.OFFLINE_AGENTS}
