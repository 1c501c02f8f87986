"""The tables of the presets: the published numbers of DER and DrQ(eps), and what quick does to lengths."""

from __future__ import annotations

import dataclasses

import pytest

from tf_pruned_rl import config
from tf_pruned_rl.config import presets, units
from tf_pruned_rl.config.presets import PRESETS
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import AGENTS, SUITES

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


@pytest.mark.parametrize("agent", AGENTS.names("online"))
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


@pytest.mark.parametrize("agent", AGENTS.names("online") + AGENTS.names("continuous"))
def test_quick_only_shortens(agent):
    paper, quick = (config.flatten(config.preset(agent, name)) for name in ("paper", "quick"))
    changed = {name for name in paper if paper[name] != quick[name]} - {"preset"}
    assert changed <= set(presets.QUICK) | set(presets.QUICK_CONTROL)
    assert all(quick[name] < paper[name] for name in changed)


@pytest.mark.parametrize("of", config.CONFIGS, ids=lambda of: of.kind.name)
def test_tables_hold_fields(of):
    fields, kind = set(config.fields(of)), of.kind.name
    tables = [AGENTS[name] for name in AGENTS.names(kind)]
    tables += [PRESETS[name].get(kind, {}) for name in PRESETS.names(kind)]
    if "suite" in fields:
        for name in SUITES.names(kind):
            tables += [SUITES[name], *SUITES.fact(name, "agents", {}).values()]
            assert set(SUITES.fact(name, "unavailable", {})) <= fields
    for table in tables:
        assert set(table) <= fields


def test_names_and_their_kinds():
    assert AGENTS.names("online") == ("dqn", "rainbow", "der", "drq_eps")
    assert AGENTS.names("offline") == ("cql", "cql_c51") and AGENTS.names("continuous") == ("sac",)
    kinds = [kind for name in AGENTS for kind in AGENTS.entry(name).kinds]
    assert len(kinds) == len(AGENTS)  # one each
    assert PRESETS.names("online") == ("paper", "atari100k", "quick")
    assert PRESETS.names("offline") == PRESETS.names("continuous") == ("paper", "quick")
    assert SUITES.names("online") == ("atari", "minatar") and SUITES.names("offline") == ("atari",)
    for registry in (AGENTS, PRESETS, SUITES):
        assert all(registry.entry(name).help for name in registry)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("dqnn",), "--agent: 'dqnn' is not one of dqn, .*did you mean dqn"),
        (("dqn", "quik"), "--preset: 'quik' is not one of paper, atari100k, quick; did you mean quick"),
        (("dqn", "paper", "mintar"), "--suite: 'mintar' is not one of atari, minatar; did you mean minatar"),
        (("sac", "paper", "mintar"), "--suite: 'mintar' is not one of"),
    ],
)
def test_unknown_names_are_refused_in_one_line(names, message):
    with pytest.raises(UserError, match=message) as caught:
        config.preset(*names)
    assert "\n" not in str(caught.value)


def test_later_tables_win():
    # The agent says 1e-4 (der) and 6.25e-5 (dqn), the suite 2.5e-4, the suite for der 1e-4 again.
    assert config.preset("dqn", suite="minatar").learning.learning_rate == 2.5e-4
    assert config.preset("der", suite="minatar").learning.learning_rate == 1e-4
    # The suite says 10 M frames, the preset 32,000.
    assert config.preset("dqn", "quick", "minatar").run.total_frames == 32_000


@pytest.fixture
def own_suite():
    SUITES.register("own", {"game": "Mine", "frame_skip": 2}, help="for a test")
    yield "own"
    SUITES.remove("own")


def test_a_suite_for_every_kind_changes_games_and_nothing_else(own_suite):
    for agent in ("dqn", "cql"):
        environment = config.preset(agent, suite=own_suite).environment
        assert (environment.suite, environment.game, environment.frame_skip) == ("own", "Mine", 2)
    assert config.preset("sac", suite=own_suite) == config.preset("sac")


@pytest.mark.parametrize("kinds", [(), ("online", "offline"), ("onlin",)])
def test_an_agent_is_for_one_kind_of_run(kinds):
    AGENTS.register("own", {}, kinds=kinds)
    try:
        with pytest.raises(UserError, match="'own' .*register it with one of online, offline, continuous"):
            config.preset("own")
    finally:
        AGENTS.remove("own")
