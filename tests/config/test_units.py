"""Tests of the conversions between frames, agent steps and gradient steps."""

from fractions import Fraction

import pytest

from tf_pruned_rl import config
from tf_pruned_rl.config import units
from tf_pruned_rl.config.presets import PRESETS
from tf_pruned_rl.registry import AGENTS


@pytest.mark.parametrize(
    ("replay_ratio", "num_envs", "vector_steps", "gradient_steps"),
    [
        (0.25, 1, 4, 1),
        (0.25, 2, 2, 1),
        (0.25, 3, 4, 3),
        (0.25, 8, 1, 2),
        (1.0, 1, 1, 1),
        (2.0, 4, 1, 8),
        (0.001, 1, 1000, 1),
    ],
)
def test_cycle_keeps_the_replay_ratio_exactly(replay_ratio, num_envs, vector_steps, gradient_steps):
    cycle = units.cycle(replay_ratio, num_envs)
    assert (cycle.vector_steps, cycle.gradient_steps) == (vector_steps, gradient_steps)
    assert cycle.agent_steps == vector_steps * num_envs
    assert Fraction(cycle.gradient_steps, cycle.agent_steps) == Fraction(str(replay_ratio))


def test_paper_budget():
    # 40 M frames / 4 = 10 M agent steps; / 4 = 2.5 M gradient steps; 20 % and 80 % of those.
    budget = units.budget(config.preset("dqn"))
    assert budget.frames == 40_000_000
    assert budget.agent_steps == 10_000_000
    assert budget.nominal_gradient_steps == 2_500_000
    assert (budget.prune_begin, budget.prune_end) == (500_000, 2_000_000)
    # 20,000 agent steps of warm-up make no gradient step: 5,000 fewer.
    assert budget.warmup_agent_steps == 20_000
    assert budget.gradient_steps == 2_495_000
    assert budget.target_update_gradient_steps == 2_000


def test_budget_is_rounded_to_whole_cycles():
    # A cycle of 3 environments at ratio 1/4 is 4 vector steps = 12 agent steps and 3 gradient steps.
    ragged = config.replace(
        config.preset("dqn"), num_envs=3, total_frames=1_003, min_replay_history=50, replay_capacity=1_000
    )
    budget = units.budget(ragged)
    assert budget.warmup_agent_steps == 60  # 50, up to a multiple of 12
    assert budget.agent_steps == 240  # 1003 // 4 = 250, down to a multiple of 12
    assert budget.frames == 960
    assert budget.gradient_steps == (240 - 60) // 12 * 3
    assert budget.nominal_gradient_steps == 60


@pytest.mark.parametrize("preset", PRESETS.names("online"))
@pytest.mark.parametrize("agent", AGENTS.names("online"))
def test_pruning_ends_within_the_run(agent, preset):
    budget = units.budget(config.preset(agent, preset))
    assert 0 <= budget.prune_begin < budget.prune_end <= budget.gradient_steps


def test_length_is_in_the_unit_of_the_kind():
    assert units.length(config.preset("dqn")) == 40_000_000  # frames
    assert units.length(config.preset("sac")) == 1_000_000  # environment steps
    assert units.length(config.preset("cql")) == 200 * 62_500  # gradient steps


def test_target_update_happens_at_least_every_gradient_step_and_never_zero():
    often = config.replace(config.preset("dqn"), target_update_period=1)
    assert units.budget(often).target_update_gradient_steps == 1
