"""The training loop: a generator of records.

It steps and it counts. Printing, TensorBoard, checkpoints, evaluation and stopping are up to
whoever iterates: between two ticks the whole state is at rest and may be saved.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tf_pruned_rl import environments
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.training.experiment import Experiment
from tf_pruned_rl.training.records import Record

TICK_SECONDS = 1.0
"""Wall time between ticks, about: how soon a signal is answered."""
STEADY_FROM = 50
"""Gradient steps of this process after which everything is compiled and a tick's speed is worth quoting."""


@dataclass(frozen=True)
class Tick:
    """A moment of rest.

    Attributes:
      records: what is to be written down now; often nothing.
      agent_steps_per_second: measured since the last tick.
      steady: whether this process had made its first ``STEADY_FROM`` gradient steps before the last tick.
    """

    agent_steps: int
    frames: int
    gradient_steps: int
    agent_steps_per_second: float
    records: tuple[Record, ...]
    steady: bool


def crossed(before: int, now: int, every: int) -> bool:
    """Says whether a multiple of ``every`` (0: never) lies in (before, now]."""
    return every > 0 and now // every > before // every


def train(experiment: Experiment, *, stops: Sequence[int] = ()) -> Iterator[Tick]:
    """Trains from where ``experiment`` stands to the end of its budget.

    What is recorded depends only on the count of steps, never on wall time or on how often the run
    was interrupted.

    Args:
      experiment: freshly built, or restored.
      stops: intervals in frames; there is a tick at the first cycle that reaches a multiple of each.

    Yields:
      A tick about every second and at every multiple of an interval.

    Raises:
      UserError: the loss, or a weight, is no longer finite.
    """
    run, skip = experiment.config.run, experiment.config.frames_per_step
    other = (*stops, experiment.diagnostics.every, experiment.replay.refill_every * skip)
    intervals = [run.log_every, experiment.budget.iteration_frames, *(stop for stop in other if stop)]
    per_cycle = experiment.budget.cycle.agent_steps
    cycles = 1
    now, steady_from = experiment.agent_steps, experiment.gradient_steps + STEADY_FROM
    if now == 0:
        experiment.collector.reset()
    while now < experiment.budget.agent_steps:
        before, steady, started = now, experiment.gradient_steps >= steady_from, time.monotonic()
        stop = _next_stop(before, [every / skip for every in intervals], experiment)
        experiment.advance(min(cycles, -(-(stop - before) // per_cycle)))
        now = experiment.agent_steps
        seconds = time.monotonic() - started
        if now == experiment.budget.warmup_agent_steps:
            cycles = 1  # what follows is slower, up to a hundred times
        elif now - before == cycles * per_cycle:
            cycles = max(1, min(2 * cycles, round(cycles * TICK_SECONDS / seconds)))
        _check_finite(experiment)
        speed = (now - before) / seconds
        records = _records(experiment, before * skip, now * skip, speed)
        yield Tick(now, now * skip, experiment.gradient_steps, speed, records, steady)


def _next_stop(now: int, intervals: Sequence[float], experiment: Experiment) -> int:
    """The next agent step at which there must be a tick."""
    fixed = [s for s in (experiment.budget.warmup_agent_steps, experiment.budget.agent_steps) if s > now]
    return min(fixed + [int(-(-((now // every + 1) * every) // 1)) for every in intervals])


def _check_finite(experiment: Experiment) -> None:
    """Before anything is recorded or saved. Weights too: oneDNN's max-pooling keeps NaN from the loss."""
    failed_at = int(experiment.learner.failed_at.numpy())
    if failed_at >= 0:
        what, step = "the loss was", failed_at
    elif variable := experiment.learner.lost_variable():
        what, step = f"{variable} was", experiment.gradient_steps
    else:
        return
    raise UserError(
        f"{what} not finite at gradient step {step}: the run stops here, the last good checkpoint is kept; "
        "try a smaller --learning_rate or --nomixed_precision in a new run directory"
    )


def _records(experiment: Experiment, before: int, now: int, speed: float) -> tuple[Record, ...]:
    """What is due at frame ``now``; a tick at frame ``before`` came last."""
    run = experiment.config.run
    gradient_steps = experiment.gradient_steps
    pruner = experiment.learner.pruner
    records = []

    def add(kind: str, values: dict[str, float], **clock: float) -> None:
        records.append(Record(kind, now, experiment.agent_steps, gradient_steps, values, clock))

    if crossed(before, now, run.log_every) or experiment.agent_steps == experiment.budget.agent_steps:
        values = experiment.learner.drain_statistics() | experiment.returns.running()
        values |= experiment.collector.statistics() | {"sparsity": pruner.sparsity()}
        add("progress", values, steps_per_second=speed, time=time.time())
        add("pruning", pruner.summaries(gradient_steps), time=time.time())
    if crossed(before, now, experiment.diagnostics.every) and gradient_steps:
        add("diagnostics", experiment.diagnostics.measure(gradient_steps), time=time.time())
    if crossed(before, now, experiment.budget.iteration_frames):
        values = {
            "index": float(now // experiment.budget.iteration_frames - 1),
            **experiment.returns.end_iteration(),
        }
        add("iteration", environments.with_scores(experiment.config, values), time=time.time())
    return tuple(records)
