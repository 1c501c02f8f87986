"""The loop: where it rests, what it records, and that neither depends on how it got there."""

from __future__ import annotations

import numpy as np
import pytest

from tf_pruned_rl import config
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.training import loop
from tf_pruned_rl.training.experiment import Experiment


@pytest.mark.parametrize(
    ("before", "now", "every", "expected"),
    [
        (0, 10, 10, True),
        (0, 9, 10, False),
        (10, 19, 10, False),
        (10, 20, 10, True),
        (5, 25, 10, True),
        (0, 99, 0, False),
    ],
)
def test_crossed(before, now, every, expected):
    assert loop.crossed(before, now, every) is expected


@pytest.fixture(scope="module")
def finished():
    """A small run, ticked through to its end."""
    settings = config.replace(
        config.preset("rainbow"), network="nature", width=0.25, batch_size=4, replay_capacity=600,
        min_replay_history=42, total_frames=1_600, iteration_frames=800, log_every=160, prune_every=7,
        max_episode_steps=50, sparsity=0.9,
    )  # fmt: skip
    experiment = Experiment(settings)
    return experiment, list(loop.train(experiment, stops=[500]))


def test_there_is_a_tick_at_the_first_cycle_past_each_multiple(finished):
    _, ticks = finished
    frames = {tick.frames for tick in ticks}
    # A cycle is 16 frames: the warm-up of 42 agent steps ends at 44, a stop every 500 frames at 512, ...
    assert {176, 512, 1008, 1504, 1600} <= frames
    assert all(frame % 16 == 0 for frame in frames)


def test_the_budget_is_kept_exactly(finished):
    experiment, ticks = finished
    assert (ticks[-1].agent_steps, ticks[-1].gradient_steps) == (400, 89)
    assert ticks[-1].gradient_steps == experiment.budget.gradient_steps
    assert next(tick.gradient_steps for tick in ticks if tick.agent_steps == 44) == 0


def test_the_first_training_after_the_warm_up_is_one_cycle(finished):
    """The warm-up's cycles are so fast that as many of training could hold up a signal for minutes."""
    _, ticks = finished
    steps = [tick.agent_steps for tick in ticks]
    at = steps.index(44)
    assert max(np.diff([0, *steps[: at + 1]])) > 4 and steps[at + 1] - 44 == 4


def test_a_tick_is_steady_when_fifty_gradient_steps_of_this_process_lie_before_it(finished):
    _, ticks = finished
    assert [tick.steady for tick in ticks] == [
        before >= 50 for before in [0, *(tick.gradient_steps for tick in ticks[:-1])]
    ]
    assert ticks[-1].steady


def test_records_come_at_their_intervals(finished):
    _, ticks = finished
    records = [record for tick in ticks for record in tick.records]
    assert [r.frames for r in records if r.kind == "progress"] == list(range(160, 1601, 160))
    assert [r.frames for r in records if r.kind == "pruning"] == list(range(160, 1601, 160))
    iterations = [record for record in records if record.kind == "iteration"]
    assert [(r.frames, r.values["index"]) for r in iterations] == [(800, 0.0), (1600, 1.0)]


def test_iterations_report_unclipped_returns_and_the_human_normalised_score(finished):
    _, ticks = finished
    for record in (r for tick in ticks for r in tick.records if r.kind == "iteration"):
        # Episodes of 50 agent steps: four end in each iteration of 200.
        assert record.values["episodes"] == 4
        expected = (record.values["mean_return"] + 20.7) / (14.6 + 20.7)
        assert record.values["human_normalised"] == pytest.approx(expected)


def test_sparsity_ends_on_target(finished):
    experiment, ticks = finished
    last = [record for record in ticks[-1].records if record.kind == "pruning"][0]
    assert last.values["sparsity/total"] == pytest.approx(0.9, abs=1e-4)
    experiment.learner.pruner.check(experiment.gradient_steps)


def test_a_loss_that_is_not_finite_ends_the_run_with_its_step(small):
    experiment = Experiment(small)
    ticks = loop.train(experiment)
    while next(ticks).gradient_steps < 3:
        pass
    # A run that goes on compiles again, wherever it stands.
    experiment.learner.gradient_steps.assign(70)
    ticks = loop.train(experiment)
    assert not next(ticks).steady
    head = experiment.learner.agent.model.get_layer("head").kernel
    head.assign(np.full(head.shape, np.nan, np.float32))
    step = experiment.gradient_steps + 1
    with pytest.raises(UserError, match=f"not finite at gradient step {step}"):
        list(ticks)


def test_weights_that_are_not_finite_end_the_run_though_the_loss_is(small):
    # oneDNN's max-pooling takes the largest of what is a number: NaN goes no further.
    experiment = Experiment(config.replace(small, network="impala", width=0.25))
    ticks = loop.train(experiment)
    while next(ticks).gradient_steps < 3:
        pass
    kernel = experiment.learner.agent.model.get_layer("stack1_conv").kernel
    kernel.assign(np.full(kernel.shape, np.nan, np.float32))
    with pytest.raises(UserError, match="(stack1_conv/kernel|the loss) was not finite"):
        list(ticks)
