"""A run, from its configuration to its exported policy: everything that surrounds the training loop."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tf_pruned_rl import environments, seeding
from tf_pruned_rl.config import Config
from tf_pruned_rl.config.io import default_run_dir
from tf_pruned_rl.pruning import feasible
from tf_pruned_rl.replay import check_memory
from tf_pruned_rl.runtime import tensorflow_gpus
from tf_pruned_rl.training import kinds, loop, memory
from tf_pruned_rl.training.checkpoint import Checkpointer
from tf_pruned_rl.training.events import Events
from tf_pruned_rl.training.experiment import Experiment, prepare
from tf_pruned_rl.training.learner import Learner
from tf_pruned_rl.training.profiling import Profile
from tf_pruned_rl.training.progress import Progress, final_table
from tf_pruned_rl.training.records import Record
from tf_pruned_rl.training.run_directory import RunDirectory
from tf_pruned_rl.training.signals import Signals

PATIENCE_HOURS = 0.25
"""What a run without a GPU may take before it says how long that will be."""


class Interrupted(Exception):
    """The run was asked to stop by a signal, and has written a checkpoint.

    Attributes:
      exit_status: 128 + the signal's number, as shells report it.
    """

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.exit_status = 128 + number


class Export(Protocol):
    """Writes a policy at the end of a run; see ``exporting.learner.export_learner``."""

    def __call__(
        self,
        learner: Learner,
        directory: Path,
        *,
        config: Config,
        action_meanings: Sequence[str],
        agent_steps: int,
        mean_return: float | None,
    ) -> dict:
        """Writes the policy to ``directory``; returns the content of its policy.json."""


def run(config: Config, *, export: Export, profile: bool = False) -> Path:
    """Trains, or goes on training, in the configuration's run directory; exports the policy at its end.

    Args:
      config: the run.
      export: writes the policy.
      profile: whether to trace a second or two of it for TensorBoard's profiler.

    Returns:
      The run directory.

    Raises:
      UserError: see feasible.check, RunDirectory.open, replay.check_memory, Checkpointer and loop.train.
      Interrupted: SIGINT or SIGTERM came; a checkpoint is written.
    """
    prepare(config)  # before anything makes use of it
    feasible.check(config)
    check_memory(config)
    path = Path(config.run.run_dir or default_run_dir(config))
    with RunDirectory.open(path, config) as directory:
        print(f"Run directory: {path}")
        signals = Signals()
        try:
            with contextlib.closing(Trainer(config, directory, export=export, profile=profile)) as trainer:
                trainer.train(signals)
        finally:
            signals.restore()
    return path


class Trainer:
    """An experiment with its checkpoints, its log and its progress line."""

    def __init__(self, config: Config, directory: RunDirectory, *, export: Export, profile: bool):
        self._config = config
        self._export = export
        self._directory = directory
        self._experiment = Experiment(config)
        directory.keep_provenance(self._experiment.replay.provenance())
        print(memory.describe(self._experiment))
        self._checkpointer = Checkpointer(directory.checkpoints, self._experiment.components())
        manifest = self._checkpointer.restore_latest()
        state = manifest["extra"] if manifest else {"metrics_position": 0, "results": {}, "seconds": 0.0}
        if manifest:
            self._experiment.learner.pruner.check(self._experiment.gradient_steps)
            print(f"Resumed at {config.kind.unit.removesuffix('s')} {manifest['frames']:,}.")
        self._results: dict[str, float] = state["results"]
        self._started = time.monotonic() - state["seconds"]
        self._shown: Record | None = None
        self._estimated = False
        self._profile = Profile(directory.events if profile else None)
        self._events = Events(
            directory.metrics, directory.events, position=state["metrics_position"], frames=self._frames
        )

    def train(self, signals: Signals) -> None:
        """Trains to the end, then exports and reports."""
        run, now = self._config.run, self._frames
        saved = now
        print("Compiling: the first line of progress follows in some seconds.")
        with Progress(self._experiment.budget.frames, unit=self._config.kind.unit) as progress:
            for tick in loop.train(self._experiment, stops=[run.eval_every]):
                for record in tick.records:
                    self._write(record)
                if self._evaluation_is_due(now, tick):
                    self._write(self._evaluate())
                self._show(progress, tick)
                self._estimate(tick)
                if self._profile.at(tick):
                    print(f"Profile written: tensorboard --logdir={self._directory.events}")
                if loop.crossed(now, tick.frames, run.checkpoint_every) or signals.received:
                    self._save()
                    saved = tick.frames
                if signals.received:
                    raise Interrupted(signals.received)
                now = tick.frames
        if saved != now:
            self._save()
        self._finish()

    def _evaluation_is_due(self, before: int, tick: loop.Tick) -> bool:
        """Says whether an evaluation phase belongs to a tick; ``before`` is the frame of the last one."""
        every = self._config.run.eval_every
        at_the_end = tick.agent_steps == self._experiment.budget.agent_steps
        return loop.crossed(before, tick.frames, every) or (every > 0 and at_the_end)

    def close(self) -> None:
        """Writes out what TensorBoard has not been given yet, however the run ended."""
        self._profile.close()
        self._events.close()

    @property
    def _frames(self) -> int:
        return self._experiment.agent_steps * self._config.frames_per_step

    def _write(self, record: Record) -> None:
        self._events.write(record)
        if record.kind in ("iteration", "evaluation"):
            self._results |= {f"{record.kind}_{name}": value for name, value in record.values.items()}
        if record.kind == "diagnostics":
            self._experiment.diagnostics.save(self._directory.diagnostics, record.frames)

    def _show(self, progress: Progress, tick: loop.Tick) -> None:
        """Shows the latest progress record, brought up to this tick."""
        self._shown = next((r for r in tick.records if r.kind == "progress"), self._shown)
        if self._shown is None:  # the first ticks compile: their speed says nothing
            return
        now = dataclasses.replace(
            self._shown,
            frames=tick.frames,
            agent_steps=tick.agent_steps,
            gradient_steps=tick.gradient_steps,
            clock={"steps_per_second": tick.agent_steps_per_second},
        )
        progress.update(now)

    def _estimate(self, tick: loop.Tick) -> None:
        """Says once, where there is no GPU, how long the run will take, as soon as that is known."""
        if self._estimated or not tick.steady:
            return
        self._estimated = True
        hours = (self._experiment.budget.agent_steps - tick.agent_steps) / tick.agent_steps_per_second / 3600
        if hours < PATIENCE_HOURS or self._config.preset == "quick" or tensorflow_gpus():
            return
        print(
            f"No GPU was found: at {tick.agent_steps_per_second:.0f} agent steps/s this run takes about "
            f"{hours:,.1f} more hours here. --preset=quick takes minutes."
        )

    def _evaluate(self) -> Record:
        run, experiment = self._config.run, self._experiment
        seed = seeding.evaluation_seed(run.seed, experiment.agent_steps)
        results = kinds.of(self._config).evaluate(self._config, experiment.learner.agent, seed=seed)
        values = {"mean_return": results.mean_return, "episodes": float(len(results.returns))}
        return Record(
            "evaluation",
            self._frames,
            experiment.agent_steps,
            experiment.gradient_steps,
            environments.with_scores(self._config, values),
            {"time": time.time()},
        )

    def _save(self) -> None:
        experiment = self._experiment
        experiment.learner.pruner.check(experiment.gradient_steps)
        self._checkpointer.save(
            agent_steps=experiment.agent_steps,
            frames=self._frames,
            extra={
                "metrics_position": self._events.position(),
                "results": self._results,
                "seconds": time.monotonic() - self._started,
            },
        )

    def _finish(self) -> None:
        """Exports the policy, writes summary.json and prints what came out and where everything lies."""
        self._experiment.log.finish()
        policy = self._export(
            self._experiment.learner,
            self._directory.policy,
            config=self._config,
            action_meanings=self._experiment.environment.action_meanings,
            agent_steps=self._experiment.agent_steps,
            mean_return=self._results.get("iteration_mean_return"),
        )
        summary = {
            "frames": self._frames,
            "agent_steps": self._experiment.agent_steps,
            "gradient_steps": self._experiment.gradient_steps,
            "sparsity": policy["sparsity"],
            "parameters": policy["parameters"],
            "seconds": round(time.monotonic() - self._started, 1),
            **self._results,
        }
        self._directory.write_summary(summary)
        places = {"run directory": self._directory.path, "policy": self._directory.policy}
        # Where a frame is an agent step, one word for it is enough.
        hidden = {"agent_steps"} if self._config.frames_per_step == 1 else set()
        unit = self._config.kind.unit.replace(" ", "_")
        shown = {unit if name == "frames" else name: value for name, value in summary.items()}
        final_table("Result", ((n, v) for n, v in (shown | places).items() if n not in hidden))
