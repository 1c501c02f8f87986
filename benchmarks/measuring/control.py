"""This project's Soft Actor-Critic as a contender."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from measuring import worker
from measuring.ours import TURNS, Ours, common_parts, draw
from measuring.settings import ControlSettings
from tf_pruned_rl import config, environments
from tf_pruned_rl.runtime import muted_stderr

with muted_stderr():
    import tensorflow as tf

    from tf_pruned_rl.training.experiment import Experiment


def control_config(settings: ControlSettings) -> config.ContinuousConfig:
    """Returns the run the settings describe: the paper's, but for what they say."""
    return config.replace(
        config.preset("sac"),
        env=environments.check_env(settings.env),
        num_envs=settings.num_envs,
        width=settings.width,
        batch_size=settings.batch_size,
        replay_ratio=settings.replay_ratio,
        replay_capacity=settings.replay_capacity,
        min_replay_history=settings.warmup,
        pruning="magnitude" if settings.pruned else "none",
        l2_regularization=0.0,  # the peers have none
        threads=settings.threads,
    )


class Control(Ours):
    """A run in the middle of its life: full replay, half of the pruning window behind."""

    most_agent_steps_at_once = 100

    def _describe(self) -> config.ContinuousConfig:
        return control_config(self._settings)

    def _build(self) -> Experiment:
        # Lines of the log come often enough to fall into some slices: they are timed apart instead.
        return Experiment(config.replace(self._config, log_every=self._config.run.total_steps))

    def _target_update_ms(self) -> float:
        return 0.0  # at every gradient step: nothing is left out

    def _make_parts(self) -> dict[str, tuple[Callable[[], object], int]]:
        experiment, envs = self._experiment, self._settings.num_envs
        learner, spaces = experiment.learner, experiment.environment.spec
        count, shape = tf.constant(TURNS), (envs, spaces.action_size)

        @tf.function
        def train(batch: object) -> tf.Tensor:
            # All of a gradient step, since the peers' functions hold as much: losses, masks, targets.
            learner.step(experiment.replay, batch)
            return learner.failed_at.read_value()

        @tf.function
        def act(times: tf.Tensor) -> tf.Tensor:
            actions = tf.zeros(shape)
            for i in tf.range(times):
                # Each turn has observations of its own, so that nothing can be computed once for all.
                seen = experiment.collector.observations + tf.cast(i, tf.float32)
                actions += learner.agent.sample(seen, tf.random.normal(shape))[0]
            return actions

        batch, _ = draw(experiment.replay)
        return {
            "train": (lambda: train(batch).numpy(), 1),
            "action": (lambda: act(count).numpy(), TURNS * envs),
            **common_parts(experiment, _actions(envs, spaces)),
        }


def _actions(num_envs: int, spaces: environments.BoxSpec) -> Iterator[np.ndarray]:
    """Yields random actions for ever, without the cost of drawing each when it is asked for."""
    shape = (1024, num_envs, spaces.action_size)
    drawn = np.random.default_rng(0).uniform(spaces.low, spaces.high, shape).astype(np.float32)
    while True:
        yield from drawn


if __name__ == "__main__":
    worker.serve(Control, ControlSettings)
