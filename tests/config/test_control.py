"""The configuration of continuous control: the published numbers, its flags, its checks, its name."""

from __future__ import annotations

import pytest
from absl import flags as absl_flags

from tf_pruned_rl import config
from tf_pruned_rl.config import ContinuousConfig, ExperimentConfig, flags, units, validation
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.config.presets import PRESETS
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import AGENTS

# Graesser et al. (2022), whose code the paper uses for Soft Actor-Critic.
PAPER = {
    "width": 1.0,
    "gamma": 0.99,
    "batch_size": 256,
    "replay_ratio": 1.0,
    "actor_learning_rate": 3e-4,
    "critic_learning_rate": 3e-4,
    "alpha_learning_rate": 3e-4,
    "tau": 0.005,
    "reward_scale": 0.1,
    "initial_alpha": 1.0,
    "target_entropy": -0.5,
    "l2_regularization": 1e-4,
    "replay_capacity": 1_000_000,
    "min_replay_history": 1_000,
    "prune_networks": "all",
    "prune_output_layers": True,
    "prune_every": 1_000,
    "total_steps": 1_000_000,
    "eval_every": 10_000,
    "eval_episodes": 30,
}
PENDULUM = config.replace(config.preset("sac", "quick"), env="Pendulum-v1")


def parse(*arguments: str) -> config.Config:
    values = absl_flags.FlagValues()
    flags.define_flags(kind=ContinuousConfig, exclude=["agent"], flag_values=values)
    values(["program", "--env=Pendulum", *arguments])
    return flags.config_from_flags(values, kind=ContinuousConfig)


def test_paper_preset_is_the_published_setting():
    flat = config.flatten(config.preset("sac"))
    assert {name: flat[name] for name in PAPER} == PAPER
    budget = units.budget(config.preset("sac"))
    assert (budget.prune_begin, budget.prune_end) == (200_000, 800_000)
    assert (budget.frames, budget.agent_steps, budget.gradient_steps) == (1_000_000, 1_000_000, 999_000)
    assert budget.target_update_gradient_steps == 1


@pytest.mark.parametrize("ratio", [0.25, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("num_envs", [1, 4])
def test_targets_move_at_every_gradient_step(ratio, num_envs):
    changed = config.replace(config.preset("sac"), replay_ratio=ratio, num_envs=num_envs)
    assert units.budget(changed).target_update_gradient_steps == 1


def test_quick_preset_is_short_and_changes_neither_agent_nor_pruning():
    paper, quick = config.preset("sac"), config.preset("sac", "quick")
    assert quick.run.total_steps <= paper.run.total_steps / 50
    assert quick.learning == paper.learning and quick.network == paper.network
    assert quick.pruning.sparsity == paper.pruning.sparsity


def test_flags_are_the_fields():
    values = absl_flags.FlagValues()
    flags.define_flags(kind=ContinuousConfig, flag_values=values)
    assert set(values) == set(config.flatten(ContinuousConfig()))
    docs = flags.field_docs(ContinuousConfig)
    assert set(docs) == set(values)
    for name, doc in docs.items():
        assert len(doc) > 7 and doc in values[name].help, name
    assert "(quick: 20000)" in values["total_steps"].help
    assert "frames" not in " ".join(docs.values())


def test_no_flags_give_the_preset():
    assert PRESETS.names("continuous") == ("paper", "quick")
    for preset in PRESETS.names("continuous"):
        expected = config.replace(config.preset("sac", preset), env="Pendulum-v1")
        assert parse(f"--preset={preset}") == expected
    assert parse("--preset=quick", "--prune_networks=actor", "--noprune_output_layers") == config.replace(
        PENDULUM, prune_networks="actor", prune_output_layers=False
    )


def test_kinds_and_their_agents():
    assert config.config_class("sac") is ContinuousConfig
    assert config.config_class("rainbow") is ExperimentConfig
    assert AGENTS.names("continuous") == ("sac",)
    assert validation.choices(ContinuousConfig)["agent"] == ("sac",)


def test_json_goes_round():
    text = config_io.to_json(PENDULUM)
    assert config_io.from_json(text) == PENDULUM
    with pytest.raises(UserError, match="unknown fields"):
        config_io.from_json(text.replace('"sac"', '"dqn"'))


def test_run_directories_are_named_by_task_network_and_pruning():
    name = config_io.default_run_dir(config.replace(PENDULUM, width=5, seed=3))
    assert name.startswith("runs/sac-Pendulum-v1-mlp-w5-magnitude95-seed3-")
    assert config_io.default_run_dir(config.replace(PENDULUM, tau=0.1)) != config_io.default_run_dir(PENDULUM)


def test_a_run_of_the_other_kind_differs():
    differences = config_io.differences(config.preset("dqn"), PENDULUM)
    assert str(differences[0]) == "agent: dqn -> sac"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tau": 0.0}, r"--tau=0.0 must be in \(0, 1\]"),
        ({"reward_scale": 0.0}, "--reward_scale=0.0 must be more than 0"),
        ({"actor_learning_rate": -1.0}, "--actor_learning_rate=-1.0 must be more than 0"),
        ({"l2_regularization": -1.0}, "--l2_regularization=-1.0 must be at least 0"),
        ({"target_entropy": float("inf")}, "must be a finite number"),
        ({"eval_episodes": 0}, "--eval_episodes=0 must be at least 1"),
        ({"eval_episodes": 10_000}, "--eval_episodes=10000 must be at most 1,024"),
        ({"drop_fraction": 1.5}, r"--drop_fraction=1.5 must be in \[0, 1\]"),
        ({"width": 1e9}, "--width=1000000000.0 must be at most 64"),
        ({"replay_ratio": 1e9}, "--replay_ratio=1000000000.0 must be at most 256"),
        ({"total_steps": 10**23}, f"--total_steps={10**23} must be at most 1,000,000,000,000"),
        ({"target_entropy": -1e13}, "must be at least -1,000,000,000,000"),
        ({"target_entropy": 1e13}, "must be at most 1,000,000,000,000"),
        ({"regularizer": "l2_unit"}, "--regularizer: 'l2_unit' is not one of none, weight_decay"),
        ({"prune_networks": "critic"}, "'critic' is not one of all, actor, critics; did you mean critics"),
        ({"total_steps": 1_000}, "--total_steps=1000 ends inside the warm-up.*use at least 1001 steps"),
        ({"replay_capacity": 100}, "--replay_capacity=100 is less than --batch_size=256"),
        ({"prune_end": 1.0}, "raise --total_steps"),
        ({"env": "CartPole-v1"}, "discrete"),
        ({"env": "Pendulun"}, "did you mean Pendulum-v1"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(UserError, match=message) as caught:
        validation.validate(config.replace(PENDULUM, **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [{"target_entropy": 1.0}, {"max_episode_steps": 0}, {"tau": 1.0}, {"n_step": 3}, {"num_envs": 8}],
)
def test_accepted(changes):
    validation.validate(config.replace(PENDULUM, **changes))
