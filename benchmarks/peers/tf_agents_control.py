"""Plain TF-Agents' SacAgent, set up as in its tutorial."""

from __future__ import annotations

from collections.abc import Callable

from measuring import settings as s
from measuring import worker
from measuring.settings import ControlSettings

from peers import tf_agents_loop
from tf_pruned_rl.runtime import muted_stderr

with muted_stderr():
    import gymnasium
    import numpy as np
    import tensorflow as tf
    import tf_keras
    from tf_agents.agents.ddpg import critic_network
    from tf_agents.agents.sac import sac_agent, tanh_normal_projection_network
    from tf_agents.environments import py_environment, tf_py_environment
    from tf_agents.networks import actor_distribution_network, network
    from tf_agents.specs import array_spec
    from tf_agents.trajectories import time_step


class Control(py_environment.PyEnvironment):
    """Gymnasium's task for TF-Agents, which knows only the old gym."""

    def __init__(self, env: str):
        super().__init__()
        self._env = gymnasium.make(env, disable_env_checker=True)
        self._over = True

    def action_spec(self) -> array_spec.BoundedArraySpec:
        """Returns the actions' bounds."""
        space = self._env.action_space
        return array_spec.BoundedArraySpec(space.shape, np.float32, space.low, space.high, "action")

    def observation_spec(self) -> array_spec.ArraySpec:
        """Returns a vector of float32."""
        return array_spec.ArraySpec(self._env.observation_space.shape, np.float32, "observation")

    def _reset(self) -> time_step.TimeStep:
        seen, _ = self._env.reset()
        self._over = False
        return time_step.restart(seen.astype(np.float32))

    def _step(self, action: np.ndarray) -> time_step.TimeStep:
        if self._over:
            return self.reset()
        seen, reward, terminal, truncated, _ = self._env.step(action)
        seen, reward, self._over = seen.astype(np.float32), np.float32(reward), terminal or truncated
        if terminal:
            return time_step.termination(seen, reward)
        return (time_step.truncation if truncated else time_step.transition)(seen, reward)


def _agent(settings: ControlSettings, env: tf_py_environment.TFPyEnvironment) -> sac_agent.SacAgent:
    units = (settings.units, settings.units)
    actor = actor_distribution_network.ActorDistributionNetwork(
        env.observation_spec(),
        env.action_spec(),
        fc_layer_params=units,
        continuous_projection_net=tanh_normal_projection_network.TanhNormalProjectionNetwork,
    )
    critic = critic_network.CriticNetwork(
        (env.observation_spec(), env.action_spec()), joint_fc_layer_params=units
    )
    optimizers = {
        f"{name}_optimizer": tf_keras.optimizers.legacy.Adam(s.SAC_LEARNING_RATE)
        for name in ("actor", "critic", "alpha")
    }
    agent = sac_agent.SacAgent(
        env.time_step_spec(),
        env.action_spec(),
        critic_network=critic,
        actor_network=actor,
        target_update_tau=s.SAC_TAU,
        target_update_period=1,
        td_errors_loss_fn=tf.math.squared_difference,
        gamma=s.GAMMA,
        train_step_counter=tf.Variable(0, dtype=tf.int64),
        **optimizers,
    )
    agent.initialize()
    return agent


class TfAgentsControl(tf_agents_loop.TfAgents):
    """See Worker."""

    def _make(self) -> tuple[py_environment.PyEnvironment, Callable[..., sac_agent.SacAgent]]:
        return Control(self._settings.env), _agent

    def _networks(self) -> list[network.Network]:
        agent = self._agent
        return [agent._actor_network, agent._critic_network_1, agent._critic_network_2]


if __name__ == "__main__":
    worker.serve(TfAgentsControl, ControlSettings)
