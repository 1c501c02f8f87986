"""One run's parts put together, and the graph functions that drive them."""

from __future__ import annotations

import math

import tensorflow as tf
import tf_keras

from tf_pruned_rl import compute, diagnostics, environments, replay, runtime, seeding
from tf_pruned_rl.config import Config, ContinuousConfig
from tf_pruned_rl.config.units import budget
from tf_pruned_rl.replay import log
from tf_pruned_rl.training import kinds
from tf_pruned_rl.training.checkpoint import Stateful
from tf_pruned_rl.training.learner import Learner
from tf_pruned_rl.training.returns import Returns


def prepare(config: Config) -> None:
    """Sets up TensorFlow for a run: threads, determinism, graph fusions."""
    runtime.configure_tensorflow(threads=config.run.threads, deterministic=config.run.deterministic)
    bfloat16 = not isinstance(config, ContinuousConfig) and config.network.mixed_precision
    runtime.graph_fusions(bfloat16 and compute.enabled(config))


class Experiment:
    """Environment, replay, learner, collector, returns and diagnostics of one run.

    Attributes:
      config: what is run.
      budget: the run's length in every unit.
      log: where the transitions are written, if they are.
    """

    def __init__(self, config: Config):
        self.config = config
        self.budget = budget(config)
        seeds = seeding.run_seeds(config.run.seed)
        tf_keras.utils.set_random_seed(seeds.weights)
        self.log = log.create(config)
        self.environment = self.log.attach(environments.create(config, seed=seeds.environment))
        self.replay = replay.create(config, self.environment.spec)
        self.learner = Learner(config, self.environment.spec)
        self.collector = kinds.of(config).collector(
            config, self.environment, self.replay, self.learner.agent, seed=seeds.collector
        )
        self.returns = Returns()
        self.diagnostics = diagnostics.create(
            config, self.learner.agent, self.replay, self.learner.pruner.masks()
        )

    def components(self) -> dict[str, Stateful]:
        """Everything with state, by the name of its folder in a checkpoint."""
        return {
            "learner": self.learner.state(),
            "collector": self.collector.state(),
            "environment": self.environment,
            "replay": self.replay,
            "returns": self.returns,
        }

    @property
    def agent_steps(self) -> int:
        """Agent steps made so far."""
        return int(self.collector.agent_steps.numpy())

    @property
    def gradient_steps(self) -> int:
        """Gradient steps made so far."""
        return int(self.learner.gradient_steps.numpy())

    def advance(self, cycles: int) -> None:
        """Runs ``cycles`` cycles: of collecting alone during the warm-up, of training afterwards.

        A call must not straddle the end of the warm-up.

        Raises:
          UserError: the environment failed, or gave numbers that cannot be learned from.
        """
        self.replay.refill(self.agent_steps)
        try:
            if self.agent_steps < self.budget.warmup_agent_steps:
                self._collect(tf.constant(cycles))
            else:
                self._train_all(cycles)
        except tf.errors.OpError as error:
            # An error raised within a graph reaches us as text; the environment kept its own.
            if self.environment.failure is None:
                raise
            raise self.environment.failure from error
        self.returns.add(self.environment.finished())

    def _train_all(self, cycles: int) -> None:
        """Runs the cycles in which masks change, one in thousands, through a graph of their own.

        The other graph is the one of a dense run: to find at every step that it is not yet time would
        cost Soft Actor-Critic 2 to 3 % (docs/performance-tried.md).
        """
        while cycles:
            without = min(cycles, self._cycles_without_updates())
            count = max(1, without)
            self._train(tf.constant(count), update_masks=without == 0)
            cycles -= count

    def _cycles_without_updates(self) -> float:
        done = self.gradient_steps
        update = self.learner.pruner.next_update(done)
        return math.inf if update is None else (update - 1 - done) // self.budget.cycle.gradient_steps

    @tf.function
    def _collect(self, cycles: tf.Tensor) -> None:
        for _ in tf.range(cycles * self.budget.cycle.vector_steps):
            tf.autograph.experimental.set_loop_options(parallel_iterations=1)
            self.collector.step()

    @tf.function
    def _train(self, cycles: tf.Tensor, update_masks: bool) -> None:
        batch = self.replay.sample()
        for index in tf.range(cycles):
            tf.autograph.experimental.set_loop_options(parallel_iterations=1)
            # The batch was drawn before anything is added: acting and the gradient then need nothing
            # from each other, and TensorFlow computes them side by side, both with the same weights.
            cycle = self.budget.cycle
            self.learner.step(
                self.replay,
                batch,
                update_masks=update_masks,
                concurrent_ops=self._act,
                added=cycle.vector_steps,
            )
            for _ in range(cycle.gradient_steps - 1):
                self.learner.step(self.replay, self.replay.sample(), update_masks=update_masks)
            # Drawn here, the next batch waits for the priorities and not for the optimizer.
            batch = tf.cond(index < cycles - 1, self.replay.sample, lambda same=batch: same)

    def _act(self, state: compute.StepState | None) -> None:
        for _ in range(self.budget.cycle.vector_steps):
            self.collector.step(state)
