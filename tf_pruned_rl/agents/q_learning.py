"""What DQN and Rainbow share: networks, specs, optimizer, and the gradient step on a replay batch."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
import tf_keras
from tf_agents.networks import network
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step

from tf_pruned_rl import compute, networks
from tf_pruned_rl.agents import outputs
from tf_pruned_rl.agents.augmentation import ShiftAndIntensity
from tf_pruned_rl.agents.optimizer import Adam
from tf_pruned_rl.config import GameConfig, NetworkConfig, units
from tf_pruned_rl.environments import DiscreteSpec

if TYPE_CHECKING:
    from tf_pruned_rl.replay.batch import Batch

ConcurrentOps = Callable[[compute.StepState | None], None]
"""Adds operations that are computed beside a gradient step, with the weights as they are before it.

Takes the step's state, for the networks called in it; None where the step shares nothing."""


def no_ops(state: compute.StepState | None) -> None:
    """Adds none."""
    del state  # AutoGraph cannot read a function without a statement


class QNetwork(network.Network):
    """A TF-Agents network around the functional model ``self.model``, which it builds itself.

    ``Network.copy`` runs ``__init__`` again with the same arguments: a model handed in would be
    shared between the online and the target network.
    """

    def __init__(
        self,
        input_tensor_spec: tensor_spec.BoundedTensorSpec,
        config: NetworkConfig,
        num_actions: int,
        num_atoms: int = 1,
        name: str = "QNetwork",
    ) -> None:
        super().__init__(input_tensor_spec=input_tensor_spec, state_spec=(), name=name)
        self.num_atoms = num_atoms
        self.model = networks.build(
            config,
            num_actions=num_actions,
            num_atoms=num_atoms,
            frame_shape=tuple(input_tensor_spec.shape),
            max_value=int(input_tensor_spec.maximum.max()),
        )

    def call(
        self,
        observation: tf.Tensor,
        step_type: tf.Tensor | None = None,
        network_state: tuple = (),
        training=False,
    ) -> tuple[tf.Tensor, tuple]:
        """Returns the model's output and the (empty) network state."""
        del step_type
        return self.model(observation, training=training), network_state


def specs(spec: DiscreteSpec) -> tuple[time_step.TimeStep, tensor_spec.BoundedTensorSpec]:
    """Returns TF-Agents' time-step spec (uint8 observations, [84, 84, 4] on Atari) and action spec."""
    shape = spec.observation_shape
    # Arrays, because TF-Agents computes maximum + 1, which overflows a uint8 scalar under numpy 2.
    observation = tensor_spec.BoundedTensorSpec(
        shape,
        tf.uint8,
        np.zeros(shape, np.uint8),
        np.full(shape, spec.max_value, np.uint8),
        name="observation",
    )
    action = tensor_spec.BoundedTensorSpec((), tf.int32, 0, spec.num_actions - 1, name="action")
    return time_step.time_step_spec(observation), action


def tf_agents_arguments(config: GameConfig) -> dict[str, object]:
    """Returns the constructor arguments that are the same for both TF-Agents agents."""
    learner = config.learning
    return {
        "optimizer": Adam(learning_rate=learner.learning_rate, epsilon=learner.adam_epsilon),
        "epsilon_greedy": learner.epsilon_train,
        "n_step_update": learner.n_step,
        "gamma": learner.gamma,
        "target_update_period": units.budget(config).target_update_gradient_steps,
        "train_step_counter": tf.Variable(0, trainable=False, dtype=tf.int64, name="train_step"),
    }


class QLearning:
    """What is added to TF-Agents' agents: a gradient step on a replay batch, without trajectories.

    The agent itself gives ``loss_per_example`` and ``target_values``. TF-Agents' own ``train`` still works
    on trajectories, and takes about a quarter longer: it runs the target network twice.

    Attributes:
      online: computes the online network, with gradients.
      target: computes the target network.
      support: atoms of the return's distribution, float32 [num_atoms]; None: outputs are Q-values.
      cpu_optimizations: whether both networks are computed by what is faster on a CPU.
    """

    STATISTICS = ("q_mean", "q_max")
    """The names of what ``train_step`` measures."""

    support: tf.Tensor | None = None
    _q_network: QNetwork
    _target_q_network: QNetwork
    _optimizer: Adam

    @abc.abstractmethod
    def loss_per_example(
        self, batch: Batch, state: compute.StepState | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the un-weighted loss of each transition, float32 [B], and Q(s, .), float32 [B, A]."""

    @abc.abstractmethod
    def target_values(self, batch: Batch, state: compute.StepState | None = None) -> tf.Tensor:
        """Returns what Q(s, a) is to become, float32 [B]."""

    def prepare(self, config: GameConfig) -> None:
        """Makes the target equal to the online network, and every variable the optimizer will need.

        Called once, when TF-Agents' constructor is done. The optimizer's slots are made here because a
        compiled function may not create any, and a checkpoint restores those that exist.
        """
        learner = config.learning
        self._double_q, self._cql_alpha = learner.double_q, learner.cql_alpha
        self._augmentation = ShiftAndIntensity(config.run.seed) if learner.augmentation else None
        if units.budget(config).target_update_gradient_steps == 1:
            # A target that is copied at every step is the online network: neither copied nor run again.
            self._target_q_network = self._q_network
        self._same_greedy_action = self.target_model is self.model and not config.network.noisy
        self.cpu_optimizations = compute.enabled(config)
        self.online, self.target = (
            compute.optimized(model, self.cpu_optimizations) for model in (self.model, self.target_model)
        )
        self.update_target()
        self.optimizer.build(self.model.trainable_variables)

    def train_step(
        self, batch: Batch, weights: tf.Tensor, concurrent_ops: ConcurrentOps = no_ops
    ) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        """Makes one gradient step on mean(weights * loss). For use inside a tf.function.

        Args:
          batch: B transitions.
          weights: float32 [B], importance-sampling weights (ones for uniform replay).
          concurrent_ops: adds operations beside the step, such as acting. They begin when the Q-values are
            there: two forward passes keep two cores busy, while the backward pass leaves gaps.

        Returns:
          The loss (float32 scalar), the un-weighted loss of each transition (float32 [B]) and
          float32 scalars: ``q_mean`` and ``q_max``, over the batch and all actions, before the step.
        """
        state = compute.StepState()
        variables = self.model.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            if self._augmentation:
                batch = self._augmentation(batch)
            losses, q_values = self.loss_per_example(batch, state)
            loss = tf.reduce_mean(weights * losses)
        statistics = {"q_mean": tf.reduce_mean(q_values), "q_max": tf.reduce_max(q_values)}
        gradients = tape.gradient(loss, variables)
        with tf.control_dependencies(list(statistics.values())):
            concurrent_ops(state)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss, losses, statistics

    def update_target(self) -> None:
        """Copies every variable of the online network to the target network, if that is another."""
        if self.target_model is self.model:
            return
        for source, target in zip(self.model.variables, self.target_model.variables, strict=True):
            target.assign(source)

    def q_values(self, observations: tf.Tensor) -> tf.Tensor:
        """Returns float32 [B, A] for uint8 [B, *observation_shape], by the mean weights of noisy layers."""
        return outputs.q_values(self.online(observations), self.support)

    def exploring_q_values(
        self, observations: tf.Tensor, state: compute.StepState | None = None
    ) -> tf.Tensor:
        """Returns the same with the noise of noisy layers: what is acted on while learning.

        Args:
          observations: uint8 [B, *observation_shape].
          state: of the gradient step that the action is computed beside, if it is.
        """
        return outputs.q_values(self.online(observations, training=True, state=state), self.support)

    def next_actions(
        self, batch: Batch, next_outputs: tf.Tensor, state: compute.StepState | None = None
    ) -> tf.Tensor:
        """Returns the actions that the target values, int32 [B].

        Args:
          batch: B transitions.
          next_outputs: of the target network. The actions are greedy by them, or by the online
            network's in double Q-learning; noisy layers draw separately in each.
          state: of the gradient step, if it is part of one.
        """
        if self._double_q and not self._same_greedy_action:
            next_outputs = self.online(batch.next_observations, training=True, state=state)
        next_values = outputs.q_values(next_outputs, self.support)
        return tf.argmax(next_values, axis=1, output_type=tf.int32)

    @property
    def model(self) -> tf_keras.Model:
        """The online network: uint8 [B, *observation_shape] -> float32 [B, A] or [B, A, atoms]."""
        return self._q_network.model

    @property
    def target_model(self) -> tf_keras.Model:
        """The target network, of the same form; ``model`` itself where it is copied at every step."""
        return self._target_q_network.model

    @property
    def optimizer(self) -> tf_keras.optimizers.legacy.Optimizer:
        """The optimizer of ``model``'s variables."""
        return self._optimizer

    @property
    def optimizers(self) -> list[Adam]:
        """Every optimizer of the agent: the one."""
        return [self._optimizer]

    @property
    def networks(self) -> dict[str, tf_keras.Model]:
        """The networks that are optimized, by name."""
        return {"online": self.model}

    @property
    def averages(self) -> list[tuple[tf.Variable, tf.Variable]]:
        """Pairs (moving average, the online variable it follows): none, the target is a copy."""
        return []

    def inputs(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Returns what each of ``networks`` is given of a batch."""
        return {"online": batch.observations}

    def estimates(self, batch: Batch) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns Q(s, .), float32 [B, A], Q(s, a) and its target, each float32 [B]."""
        q_values = self.q_values(batch.observations)
        chosen = tf.gather(q_values, batch.actions, batch_dims=1)
        return q_values, chosen, self.target_values(batch)

    def objectives(self, batch: Batch) -> list[tuple[tf.Tensor, list[tf.Variable]]]:
        """Returns the loss of each transition, float32 [B], and the variables that learn from it."""
        return [(self.loss_per_example(batch)[0], self.model.trainable_variables)]

    def trackables(self) -> dict[str, object]:
        """Returns everything with state, by name, for a checkpoint."""
        own = {"online": self.model, "target": self.target_model, "optimizer": self.optimizer}
        return own | ({"augmentation": self._augmentation.generator} if self._augmentation else {})
