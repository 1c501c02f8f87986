"""Plain TF-Agents: an agent, DynamicStepDriver and TFUniformReplayBuffer, as in its tutorials.

It runs on this project's own TensorFlow, so that code is compared and not versions; the project's
package only chooses the Keras version.
"""

from __future__ import annotations

from collections.abc import Callable

from measuring import worker
from measuring.settings import AnySettings

import tf_pruned_rl  # noqa: F401
from tf_pruned_rl.runtime import muted_stderr

with muted_stderr():
    import numpy as np
    import tensorflow as tf
    import tf_agents
    from tf_agents.agents import tf_agent
    from tf_agents.drivers import dynamic_step_driver
    from tf_agents.environments import py_environment, tf_py_environment
    from tf_agents.networks import network
    from tf_agents.replay_buffers import tf_uniform_replay_buffer
    from tf_agents.trajectories import trajectory
    from tf_agents.utils import common


class TfAgents:
    """See Worker."""

    def __init__(self, settings: AnySettings):
        self._settings = settings
        environment, make_agent = self._make()
        self._env = tf_py_environment.TFPyEnvironment(environment)
        self._agent = make_agent(settings, self._env)
        self._replay = tf_uniform_replay_buffer.TFUniformReplayBuffer(
            self._agent.collect_data_spec, batch_size=1, max_length=settings.replay_capacity
        )
        driver = dynamic_step_driver.DynamicStepDriver(
            self._env,
            self._agent.collect_policy,
            observers=[self._replay.add_batch],
            num_steps=settings.gradient_every,
        )
        self._collect = common.function(driver.run)
        self._train = common.function(self._agent.train)
        while int(self._replay.num_frames()) < settings.warmup:
            self._collect()
        dataset = self._replay.as_dataset(
            sample_batch_size=settings.batch_size, num_steps=settings.n_step + 1, num_parallel_calls=2
        )
        self._batches = iter(dataset.prefetch(3))
        self._cycle()
        self._startup = worker.process_age()
        self.loop(2.0)
        self._parts = self._make_parts()

    def _make(self) -> tuple[py_environment.PyEnvironment, Callable[..., tf_agent.TFAgent]]:
        """Returns the environment, and what makes the agent of the settings and the environment."""
        raise NotImplementedError

    def _networks(self) -> list[network.Network]:
        """Returns the networks that are trained."""
        raise NotImplementedError

    def _cycle(self) -> None:
        self._collect()
        experience, _ = next(self._batches)
        self._train(experience)

    def about(self) -> dict[str, object]:
        """See Worker."""
        variables = [variable for each in self._networks() for variable in each.trainable_variables]
        return {
            "startup_seconds_with_warmup": self._startup,
            "parameters": sum(int(np.prod(v.shape)) for v in variables),
            "versions": {"tensorflow": tf.__version__, "tf-agents": tf_agents.__version__},
        }

    def loop(self, seconds: float) -> dict[str, float]:
        """See Worker."""
        return worker.run_for(self._cycle, seconds, self._settings.gradient_every)

    def _make_parts(self) -> dict[str, Callable[[], object]]:
        experience, _ = next(self._batches)
        act = common.function(self._agent.collect_policy.action)
        now, action = self._env.current_time_step(), tf.zeros_like(experience.action[:1, 0])
        one: trajectory.Trajectory = tf.nest.map_structure(lambda x: x[:1, 0], experience)
        shape = {"sample_batch_size": self._settings.batch_size, "num_steps": self._settings.n_step + 1}
        sample = common.function(lambda: self._replay.get_next(**shape))

        @common.function
        def add(item: trajectory.Trajectory) -> tf.Tensor:
            self._replay.add_batch(item)
            return tf.constant(0)

        return {
            "train": lambda: self._train(experience).loss.numpy(),
            "action": lambda: act(now).action.numpy(),
            "environment": lambda: self._env.step(action).reward.numpy(),
            "add": lambda: add(one),
            "sample": lambda: sample()[0].reward.numpy(),
        }

    def parts(self, seconds: float) -> dict[str, float]:
        """See Worker."""
        share = seconds / len(self._parts)
        return {name: worker.median_ms(call, share) for name, call in self._parts.items()}

    def rare(self) -> dict[str, float]:
        """See Worker: nothing is left out of its loop."""
        return {}
