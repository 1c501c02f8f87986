"""Plain TF-Agents' DQN or C51 agent."""

from __future__ import annotations

from collections.abc import Callable

from measuring import settings as s
from measuring import worker
from measuring.settings import Settings

from peers import keras_networks, tf_agents_loop
from tf_pruned_rl.runtime import muted_stderr

with muted_stderr():
    import ale_py
    import gymnasium
    import numpy as np
    import tensorflow as tf
    import tf_keras
    from tf_agents.agents.categorical_dqn import categorical_dqn_agent
    from tf_agents.agents.dqn import dqn_agent
    from tf_agents.environments import py_environment, tf_py_environment
    from tf_agents.networks import network, sequential
    from tf_agents.specs import array_spec
    from tf_agents.trajectories import time_step
    from tf_agents.utils import common

_FRAMES = (84, 84, 4)


class Atari(py_environment.PyEnvironment):
    """Gymnasium's Atari, preprocessed and stacked, for TF-Agents, which knows only the old gym."""

    def __init__(self, game: str):
        super().__init__()
        gymnasium.register_envs(ale_py)
        env = gymnasium.make(f"ALE/{game}-v5", frameskip=1, repeat_action_probability=0.25)
        self._env = gymnasium.wrappers.AtariPreprocessing(env, noop_max=0, frame_skip=4)
        self._stack = np.zeros(_FRAMES, np.uint8)
        self._over = True

    def action_spec(self) -> array_spec.BoundedArraySpec:
        """Returns the minimal set of actions."""
        return array_spec.BoundedArraySpec((), np.int64, 0, int(self._env.action_space.n) - 1, "action")

    def observation_spec(self) -> array_spec.BoundedArraySpec:
        """Returns four stacked frames."""
        low, high = np.zeros(_FRAMES, np.uint8), np.full(_FRAMES, 255, np.uint8)
        return array_spec.BoundedArraySpec(_FRAMES, np.uint8, low, high, "observation")

    def _pushed(self, frame: np.ndarray) -> np.ndarray:
        self._stack = np.concatenate([self._stack[..., 1:], frame[..., None]], axis=-1)
        return self._stack

    def _reset(self) -> time_step.TimeStep:
        self._stack = np.zeros(_FRAMES, np.uint8)
        frame, _ = self._env.reset()
        self._over = False
        return time_step.restart(self._pushed(frame))

    def _step(self, action: np.ndarray) -> time_step.TimeStep:
        if self._over:
            return self.reset()
        frame, reward, terminal, truncated, _ = self._env.step(int(action))
        stack, clipped = self._pushed(frame), np.float32(np.clip(reward, -1, 1))
        self._over = terminal or truncated
        return time_step.termination(stack, clipped) if self._over else time_step.transition(stack, clipped)


class Categorical(network.Network):
    """The form in which CategoricalDqnAgent wants its network."""

    num_atoms = s.NUM_ATOMS

    def __init__(self, input_tensor_spec: object, settings: Settings, actions: int, name: str = "C51"):
        super().__init__(input_tensor_spec=input_tensor_spec, state_spec=(), name=name)
        body = keras_networks.layers(settings, actions * s.NUM_ATOMS)
        self._model = tf_keras.Sequential([*body, tf_keras.layers.Reshape((actions, s.NUM_ATOMS))])

    def call(
        self, observation: tf.Tensor, step_type: object = None, network_state: tuple = (), training=False
    ) -> tuple[tf.Tensor, tuple]:
        """Returns logits and the (empty) state."""
        return self._model(observation, training=training), network_state


def _agent(settings: Settings, env: tf_py_environment.TFPyEnvironment) -> dqn_agent.DqnAgent:
    actions = int(env.action_spec().maximum) + 1
    arguments = {
        "optimizer": tf_keras.optimizers.legacy.Adam(s.LEARNING_RATE, epsilon=s.ADAM_EPSILON),
        "n_step_update": settings.n_step,
        "gamma": s.GAMMA,
        "target_update_period": s.TARGET_UPDATE_AGENT_STEPS // settings.gradient_every,
        "epsilon_greedy": s.EPSILON,
        "train_step_counter": tf.Variable(0, dtype=tf.int64),
    }
    if settings.agent == "dqn":
        agent = dqn_agent.DqnAgent(
            env.time_step_spec(),
            env.action_spec(),
            q_network=sequential.Sequential(keras_networks.layers(settings, actions)),
            td_errors_loss_fn=common.element_wise_squared_loss,
            **arguments,
        )
    else:
        agent = categorical_dqn_agent.CategoricalDqnAgent(
            env.time_step_spec(),
            env.action_spec(),
            categorical_q_network=Categorical(env.observation_spec(), settings, actions),
            min_q_value=-s.V_MAX,
            max_q_value=s.V_MAX,
            **arguments,
        )
    agent.initialize()
    return agent


class TfAgentsAtari(tf_agents_loop.TfAgents):
    """See Worker."""

    def _make(self) -> tuple[py_environment.PyEnvironment, Callable[..., object]]:
        return Atari(self._settings.game), _agent

    def _networks(self) -> list[network.Network]:
        return [self._agent._q_network]


if __name__ == "__main__":
    worker.serve(TfAgentsAtari)
