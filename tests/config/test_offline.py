"""The configuration of offline runs: the published numbers, its flags, its checks, its name."""

from __future__ import annotations

import pytest
from absl import flags as absl_flags

from tf_pruned_rl import config
from tf_pruned_rl.config import OfflineConfig, flags, presets, units, validation
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.errors import UserError

# Dopamine's labs/offline_rl (jax_dr3.gin with a CQL coefficient, jax_rainbow.gin); P3's table 3 agrees.
BOTH = {
    "batch_size": 32,
    "gamma": 0.99,
    "cql_alpha": 0.1,
    "noisy": False,
    "iterations": 200,
    "iteration_steps": 62_500,
    "data_fraction": 0.05,
    "replay_capacity": 2_500_000,
    "eval_every": 62_500,
    "eval_steps": 125_000,
    "eval_epsilon": 0.001,
    "sticky_actions": 0.25,
    "terminal_on_life_loss": False,
    "max_noops": 0,
}
OWN = {
    "cql": {
        "loss": "huber",
        "learning_rate": 5e-5,
        "adam_epsilon": 3.125e-4,
        "n_step": 1,
        "double_q": False,
        "dueling": False,
        "target_update_period": 2_000,
    },
    "cql_c51": {
        "loss": "c51",
        "learning_rate": 6.25e-5,
        "adam_epsilon": 1.5e-4,
        "n_step": 3,
        "num_atoms": 51,
        "v_max": 10.0,
        "double_q": True,
        "dueling": True,
        "target_update_period": 100,
    },
}
QUICK = config.replace(config.preset("cql", "quick"), data="somewhere")


def parse(*arguments: str) -> config.Config:
    values = absl_flags.FlagValues()
    flags.define_flags(kind=OfflineConfig, flag_values=values)
    values(["program", "--data=here", *arguments])
    return flags.config_from_flags(values, kind=OfflineConfig)


@pytest.mark.parametrize("agent", OWN)
def test_paper_presets_are_the_published_settings(agent):
    chosen = config.preset(agent)
    assert isinstance(chosen, OfflineConfig)
    flat = config.flatten(chosen)
    expected = BOTH | OWN[agent]
    assert {name: flat[name] for name in expected} == expected
    budget = units.budget(chosen)
    # A frame and an agent step are a gradient step; none is a warm-up. The window is figures.md's.
    assert (budget.frames, budget.agent_steps, budget.gradient_steps) == (12_500_000,) * 3
    assert (budget.prune_begin, budget.prune_end) == (2_500_000, 10_000_000)
    assert budget.target_update_gradient_steps == OWN[agent]["target_update_period"]


@pytest.mark.parametrize("agent", OWN)
def test_quick_only_shortens(agent):
    paper, quick = (config.flatten(config.preset(agent, name)) for name in ("paper", "quick"))
    changed = {name for name in paper if paper[name] != quick[name]} - {"preset"}
    assert changed <= set(presets.QUICK_OFFLINE)
    assert all(quick[name] < paper[name] for name in changed)
    assert validation.validate(config.replace(config.preset(agent, "quick"), data="here")) is None


def test_flags_and_file_give_the_same_configuration_back():
    parsed = parse("--agent=cql_c51", "--game=breakout", "--dataset_run=3", "--data_sample=first")
    expected = {"data": "here", "game": "Breakout", "dataset_run": 3, "data_sample": "first"}
    assert parsed == config.replace(config.preset("cql_c51"), **expected)
    assert config_io.from_json(config_io.to_json(parsed)) == parsed
    assert config_io.default_run_dir(parsed).startswith("runs/cql_c51-Breakout-impala-w1-magnitude95-seed0-")


def test_help_says_what_agents_change():
    values = absl_flags.FlagValues()
    flags.define_flags(kind=OfflineConfig, flag_values=values)
    assert "cql_c51: True" in values["dueling"].help
    assert values["agent"].help.startswith("<cql|cql_c51>: ")
    assert "cql sets loss=huber" in values["agent"].help
    assert {"replay_sampling", "log_replay", "total_frames", "min_replay_history"}.isdisjoint(values)


def test_kinds_agents_and_words():
    assert config.config_class("cql") is config.config_class("cql_c51") is OfflineConfig
    words = validation.choices(OfflineConfig)
    assert set(words["agent"]) == set(OWN)
    assert words["preset"] == ("paper", "quick") and words["suite"] == ("atari",)
    assert words["network"] == ("impala", "nature") and words["data_sample"] == ("random", "first")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": ""}, "no data to learn from: give --data=DIR"),
        ({"dataset_run": 0}, "--dataset_run=0 must be at least 1"),
        ({"data_fraction": 0.0}, r"--data_fraction=0.0 must be in \(0, 1\]"),
        ({"data_fraction": 1.1}, r"--data_fraction=1.1 must be in \(0, 1\]"),
        ({"data_sample": "last"}, "--data_sample: 'last' is not one of random, first"),
        ({"replay_capacity": 5}, "--replay_capacity=5 leaves 5 steps"),
        ({"iterations": 0}, "--iterations=0 must be at least 1"),
        ({"iterations": 10**8}, "--iterations=100000000 must be at most 1,000,000"),
        ({"replay_ratio": 1e9}, "--replay_ratio=1000000000.0 must be at most 256"),
        ({"num_atoms": 10**8}, "--num_atoms=100000000 must be at most 4,096"),
        ({"reload_every": 0}, "--reload_every=0 must be at least 1"),
        ({"suite": "minatar"}, "--suite: 'minatar' is not one of atari"),
        ({"network": "minatar"}, "--network: 'minatar' is not one of impala, nature"),
        ({"cql_alpha": -1.0}, "--cql_alpha=-1.0 must be at least 0"),
        ({"prune_start": 0.9}, "must be less than --prune_end"),
    ],
)
def test_refused_in_one_line(changes, message):
    with pytest.raises(UserError, match=message) as caught:
        validation.validate(config.replace(QUICK, **changes))
    assert "\n" not in str(caught.value)
