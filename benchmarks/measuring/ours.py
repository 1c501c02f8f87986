"""This project as a contender: the real loop, driven tick by tick, and its parts one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from measuring import replaying, worker
from measuring.settings import AnySettings, Settings
from tf_pruned_rl import agents, config, replay
from tf_pruned_rl.environments import DiscreteSpec
from tf_pruned_rl.runtime import muted_stderr

with muted_stderr():
    import tensorflow as tf

    from tf_pruned_rl.training import loop, memory
    from tf_pruned_rl.training.experiment import Experiment, prepare

_MOST_GRADIENT_STEPS = 800
"""Of one slice: fewer than lie between two mask updates, or two target updates, so it has neither."""
TURNS = 20
"""Operations of a timed call, so that launching it does not count."""


def experiment_config(settings: Settings) -> config.ExperimentConfig:
    """Returns the run the settings describe: the paper's, but for what they say."""
    return config.replace(
        config.preset(settings.agent),
        game=settings.game,
        num_envs=settings.num_envs,
        network=settings.network,
        width=settings.width,
        mixed_precision=settings.mixed_precision,
        batch_size=settings.batch_size,
        replay_ratio=settings.replay_ratio,
        replay_capacity=settings.replay_capacity,
        min_replay_history=settings.warmup,
        pruning="magnitude" if settings.pruned else "none",
        threads=settings.threads,
    )


class Ours:
    """A run in the middle of its life: full replay, epsilon decayed, half of the pruning window behind."""

    most_agent_steps_at_once = 0
    """Of a tick of the loop, 0 for any number; a slice ends at a tick."""

    def __init__(self, settings: AnySettings):
        self._settings = settings
        self._config = self._describe()
        prepare(self._config)
        replay.check_memory(self._config)
        self._experiment = self._build()
        self._startup = self._first_gradient_step()
        # Full, so that its memory is taken and the frames of a sample lie far apart.
        missing = max(0, settings.replay_capacity - settings.warmup)
        replaying.adder(self._experiment.replay)(missing // settings.num_envs)
        budget = self._experiment.budget
        # On the grid of the masks' updates: none comes in the thousand gradient steps that follow.
        self._middle = (budget.prune_begin + budget.prune_end) // 2
        self._move_to_the_middle()
        self._ticks = loop.train(self._experiment, stops=[self.most_agent_steps_at_once])
        self.loop(2.0)
        self._parts = self._make_parts()

    def _describe(self) -> config.Config:
        """Returns the run that the settings describe."""
        raise NotImplementedError

    def _build(self) -> Experiment:
        """Returns it, built."""
        return Experiment(self._config)

    def _make_parts(self) -> dict[str, tuple[Callable[[], object], int]]:
        """Returns {part: (call, operations in it)}: gradient steps, samples, else agent steps."""
        raise NotImplementedError

    def _first_gradient_step(self) -> dict[str, float]:
        """Trains from nothing, through the warm-up, to the first gradient step."""
        collecting = 0.0
        steps = 0
        for tick in loop.train(self._experiment):
            if tick.gradient_steps:
                break
            if steps:  # the first tick compiled
                collecting += (tick.agent_steps - steps) / tick.agent_steps_per_second
            steps = tick.agent_steps
        age = worker.process_age()
        return {
            "startup_seconds": age - collecting,
            "warmup_agent_steps": steps,
            "warmup_seconds": collecting,
        }

    def _move_to_the_middle(self) -> None:
        learner, budget = self._experiment.learner, self._experiment.budget
        learner.gradient_steps.assign(self._middle)
        learner.pruner.after_gradient_step(tf.constant(self._middle, tf.int64))
        agent_steps = self._middle * budget.cycle.agent_steps // budget.cycle.gradient_steps
        self._experiment.collector.agent_steps.assign(agent_steps + budget.warmup_agent_steps)

    def about(self) -> dict[str, object]:
        """See Worker."""
        networks = self._experiment.learner.agent.networks.values()
        return {
            **self._startup,
            "parameters": sum(model.count_params() for model in networks),
            "sparsity": float(self._experiment.learner.pruner.sparsity()),
            "estimated_bytes": memory.process_bytes(self._experiment),
            "versions": {"tensorflow": tf.__version__},
        }

    def loop(self, seconds: float) -> dict[str, float]:
        """See Worker; stops at the tick that reaches ``seconds``, or before a mask update."""
        experiment = self._experiment
        experiment.learner.gradient_steps.assign(self._middle)
        before, start = experiment.agent_steps, time.perf_counter()
        for _ in self._ticks:
            passed = time.perf_counter() - start
            if passed >= seconds or experiment.gradient_steps - self._middle > _MOST_GRADIENT_STEPS:
                break
        return worker.slice_of(experiment.agent_steps - before, passed)

    def _target_update_ms(self) -> float:
        """Returns the milliseconds per agent step of target updates that slices leave out."""
        raise NotImplementedError

    def parts(self, seconds: float) -> dict[str, float]:
        """See Worker."""
        share = seconds / max(1, len(self._parts))
        return {
            name: worker.median_ms(call, share, operations=count)
            for name, (call, count) in self._parts.items()
        }

    def rare(self) -> dict[str, float]:
        """See Worker: mask updates, target updates and lines of the log."""
        experiment, run = self._experiment, self._config
        pruner, at = experiment.learner.pruner, self._middle

        @tf.function
        def after(step: tf.Tensor) -> None:
            pruner.after_gradient_step(step)

        def update(due: bool) -> Callable[[], None]:
            def call() -> None:
                nonlocal at
                at += run.pruning.prune_every * due
                after(tf.constant(at, tf.int64))

            return call

        def log_line() -> None:
            pruner.sparsity()
            pruner.summaries(at)

        update_ms = 0.0
        if self._settings.pruned:
            update_ms = worker.median_ms(update(True), 1.0) - worker.median_ms(update(False), 0.5)
        ratio, skip = run.learning.replay_ratio, run.environment.frame_skip
        return {
            "mask_update": update_ms / run.pruning.prune_every * ratio,
            "target_update": self._target_update_ms(),
            "log_line": worker.median_ms(log_line, 0.3) / run.run.log_every * skip,
            "one_mask_update": update_ms,
        }


class Atari(Ours):
    """An agent with a Q-network."""

    def _describe(self) -> config.ExperimentConfig:
        return experiment_config(self._settings)

    def _build(self) -> Experiment:
        return hollow(self._config) if self._settings.hollow else super()._build()

    def _target_update_ms(self) -> float:
        update = tf.function(self._experiment.learner.agent.update_target)
        return worker.median_ms(update, 0.3) / self._config.learning.target_update_period

    def _make_parts(self) -> dict[str, tuple[Callable[[], object], int]]:
        return {} if self._settings.hollow else _parts(self._experiment, self._settings.num_envs)


def draw(buffer: replay.Replay) -> tuple[replay.Batch, tf.Tensor]:
    """Returns a batch and its importance weights."""

    @tf.function
    def sample() -> tuple[replay.Batch, tf.Tensor]:
        batch = buffer.sample()
        return batch, buffer.importance_weights(batch)

    return sample()


def common_parts(
    experiment: Experiment, actions: Iterator[np.ndarray]
) -> dict[str, tuple[Callable[[], object], int]]:
    """Returns the parts that every agent has: environment, add, sample."""
    envs, environment = experiment.environment.num_envs, experiment.environment
    add = replaying.adder(experiment.replay)
    sample = replaying.sampler(experiment.replay, update=True)
    return {
        "environment": (lambda: [environment.step(next(actions)) for _ in range(TURNS)], TURNS * envs),
        "add": (lambda: add(10 * TURNS), 10 * TURNS * envs),
        "sample": (lambda: sample(TURNS), TURNS),
    }


def _parts(experiment: Experiment, envs: int) -> dict[str, tuple[Callable[[], object], int]]:
    agent = experiment.learner.agent
    count = tf.constant(TURNS)

    @tf.function
    def train(batch: replay.Batch, weights: tf.Tensor) -> tf.Tensor:
        return agent.train_step(batch, weights)[0]

    @tf.function
    def act(times: tf.Tensor) -> tf.Tensor:
        actions = tf.zeros([envs], tf.int64)
        for i in tf.range(times):
            # Each turn has frames of its own, so that nothing can be computed once for all.
            frames = tf.bitwise.bitwise_xor(experiment.collector.observations, tf.cast(i, tf.uint8))
            actions += tf.argmax(agent.q_values(frames), -1)
        return actions

    batch, weights = draw(experiment.replay)
    return {
        "train": (lambda: train(batch, weights).numpy(), 1),
        "action": (lambda: act(count).numpy(), TURNS * envs),
        **common_parts(experiment, _actions(envs, experiment.environment.num_actions)),
    }


def _actions(num_envs: int, num_actions: int) -> Iterator[np.ndarray]:
    """Yields random actions for ever, without the cost of drawing each when it is asked for."""
    drawn = np.random.default_rng(0).integers(num_actions, size=(1024, num_envs), dtype=np.int32)
    while True:
        yield from drawn


def hollow(run: config.ExperimentConfig) -> Experiment:
    """Returns an experiment whose network and emulator cost nothing; all the rest is as ever."""
    create = agents.create

    def create_hollow(wanted: config.ExperimentConfig, spec: DiscreteSpec) -> object:
        agent = create(wanted, spec)
        batch_size = wanted.learning.batch_size

        def train_step(
            batch: replay.Batch, weights: tf.Tensor, concurrent_ops: Callable[[None], None]
        ) -> tuple[object, ...]:
            concurrent_ops(None)
            # Something of everything is used, so that nothing is left out.
            pixel = batch.observations[0, 0, 0, 0] ^ batch.next_observations[0, 0, 0, 0]
            loss = tf.cast(pixel, tf.float32) + tf.reduce_sum(batch.returns * batch.discounts * weights)
            return loss, tf.ones([batch_size]), {"q_mean": loss, "q_max": loss}

        agent.train_step = train_step
        agent.exploring_q_values = lambda frames, state: tf.one_hot(
            tf.cast(frames[:, 0, 0, 0], tf.int32), spec.num_actions
        )
        return agent

    agents.create = create_hollow
    try:
        experiment = Experiment(run)
    finally:
        agents.create = create
    environment = experiment.environment
    frames, envs = environment.reset(), environment.num_envs
    nothing = np.zeros(envs, np.float32), np.zeros(envs, bool), np.zeros(envs, bool)
    # Below the emulator, above it the project's own bookkeeping.
    environment._advance = lambda actions: (frames, *nothing)
    return experiment


if __name__ == "__main__":
    worker.serve(Atari)
