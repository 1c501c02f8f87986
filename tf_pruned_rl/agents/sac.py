"""Soft Actor-Critic (Haarnoja et al., 2018) on replay batches, as Graesser et al. (2022) set it up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
import tf_keras
from tf_agents.agents.sac import sac_agent
from tf_agents.distributions import utils as distributions
from tf_agents.networks import network
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step

from tf_pruned_rl import compute
from tf_pruned_rl.agents import outputs
from tf_pruned_rl.agents.optimizer import Adam
from tf_pruned_rl.agents.q_learning import ConcurrentOps, no_ops
from tf_pruned_rl.config import ContinuousConfig
from tf_pruned_rl.environments import BoxSpec
from tf_pruned_rl.networks import mlp
from tf_pruned_rl.seeding import Purpose, tensorflow_generator

if TYPE_CHECKING:
    from tf_pruned_rl.replay.batch import Batch

_CRITIC_LOSS_WEIGHT = 0.5


class ActorNetwork(network.Network):
    """A TF-Agents network around the functional model ``self.model``, which it builds itself.

    ``Network.copy`` runs ``__init__`` again with the same arguments, so copies share nothing.
    """

    def __init__(
        self,
        input_tensor_spec: tensor_spec.TensorSpec,
        action_spec: tensor_spec.BoundedTensorSpec,
        width: float,
        name: str = "ActorNetwork",
    ) -> None:
        super().__init__(input_tensor_spec=input_tensor_spec, state_spec=(), name=name)
        self._action_spec = action_spec
        self.model = mlp.actor(width, input_tensor_spec.shape[0], action_spec.shape[0])

    def call(self, observation: tf.Tensor, step_type=None, network_state: tuple = (), training=False):
        """Returns the squashed Gaussian and the (empty) network state."""
        del step_type
        mean, log_deviation = tf.split(self.model(observation, training=training), 2, axis=-1)
        normal = tfp.distributions.MultivariateNormalDiag(mean, tf.exp(log_deviation))
        return distributions.SquashToSpecNormal(normal, self._action_spec), network_state


class CriticNetwork(network.Network):
    """A TF-Agents network (observation, action) -> value around the functional model ``self.model``."""

    def __init__(self, input_tensor_spec: tuple, width: float, name: str = "CriticNetwork") -> None:
        super().__init__(input_tensor_spec=input_tensor_spec, state_spec=(), name=name)
        observation, action = input_tensor_spec
        self.model = mlp.critic(width, observation.shape[0], action.shape[0])

    def call(self, inputs: tuple, step_type=None, network_state: tuple = (), training=False):
        """Returns float32 [B] and the (empty) network state."""
        del step_type
        return tf.squeeze(self.model(tf.concat(inputs, axis=-1), training=training), 1), network_state


class SacAgent(sac_agent.SacAgent):
    """TF-Agents' SacAgent with a gradient step on a replay batch, without trajectories.

    The order is TF-Agents': the critics learn, then the actor from the critics just learned. The
    temperature learns from the very actions the actor learned from, drawn once; TF-Agents runs the
    actor a third time and draws others.

    Attributes:
      spec: of the task.
    """

    STATISTICS = ("critic_loss", "actor_loss", "alpha_loss", "alpha", "entropy", "q_mean")

    def __init__(self, config: ContinuousConfig, spec: BoxSpec) -> None:
        """Builds the networks; the target critics equal the online ones.

        Args:
          config: the run's.
          spec: of its task: D numbers are observed, actions have A dimensions.
        """
        learner, width = config.learning, config.network.width
        observation = tensor_spec.TensorSpec((spec.observation_size,), tf.float32, name="observation")
        self._low, self._high = spec.bounds
        action = tensor_spec.BoundedTensorSpec(
            (spec.action_size,), tf.float32, self._low, self._high, name="action"
        )
        optimizers = {
            f"{name}_optimizer": Adam(learning_rate=rate, epsilon=learner.adam_epsilon)
            for name, rate in (
                ("actor", learner.actor_learning_rate),
                ("critic", learner.critic_learning_rate),
                ("alpha", learner.alpha_learning_rate),
            )
        }
        super().__init__(
            time_step.time_step_spec(observation),
            action,
            critic_network=CriticNetwork((observation, action), width, name="CriticNetwork1"),
            critic_network_2=CriticNetwork((observation, action), width, name="CriticNetwork2"),
            actor_network=ActorNetwork(observation, action, width),
            critic_loss_weight=_CRITIC_LOSS_WEIGHT,
            target_update_tau=learner.tau,
            gamma=learner.gamma,
            reward_scale_factor=learner.reward_scale,
            initial_log_alpha=math.log(learner.initial_alpha),
            target_entropy=learner.target_entropy * spec.action_size,
            train_step_counter=tf.Variable(0, trainable=False, dtype=tf.int64, name="train_step"),
            **optimizers,
        )
        self.spec = spec
        self._tau, self._l2_regularization = learner.tau, learner.l2_regularization
        self._generator = tensorflow_generator(config.run.seed, Purpose.SAC_ACTIONS)
        self.cpu_optimizations = compute.enabled(config)
        self._actor = compute.optimized(self.model, self.cpu_optimizations)
        self._critics, self._target_critics = (
            [compute.optimized(model, self.cpu_optimizations) for model in models]
            for models in (self.critics, self.target_critics)
        )
        self._start()

    @property
    def model(self) -> tf_keras.Model:
        """The actor, which is what a policy needs: float32 [B, D] -> [B, 2A]."""
        return self._actor_network.model

    @property
    def critics(self) -> tuple[tf_keras.Model, tf_keras.Model]:
        """The online critics: float32 [B, D + A] -> [B, 1]."""
        return self._critic_network_1.model, self._critic_network_2.model

    @property
    def target_critics(self) -> tuple[tf_keras.Model, tf_keras.Model]:
        """Their moving averages."""
        return self._target_critic_network_1.model, self._target_critic_network_2.model

    @property
    def log_alpha(self) -> tf.Variable:
        """Logarithm of the entropy temperature, float32 scalar."""
        return self._log_alpha

    @property
    def optimizers(self) -> list[Adam]:
        """Those of the actor, the critics and the temperature."""
        return [self._actor_optimizer, self._critic_optimizer, self._alpha_optimizer]

    @property
    def networks(self) -> dict[str, tf_keras.Model]:
        """The networks that are optimized, by name."""
        return {"actor": self.model, "critic_1": self.critics[0], "critic_2": self.critics[1]}

    def inputs(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Returns what each of ``networks`` is given of a batch."""
        both = tf.concat([batch.observations, batch.actions], axis=1)
        return {"actor": batch.observations, "critic_1": both, "critic_2": both}

    def estimates(self, batch: Batch) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the first critic's value of (s, a), float32 [B, 1] and [B], and what it should be, [B]."""
        values = self._critics[0](self.inputs(batch)["critic_1"])
        return values, values[:, 0], self.targets(batch, self._noise(batch))

    def objectives(self, batch: Batch) -> list[tuple[tf.Tensor, list[tf.Variable]]]:
        """Returns losses of each transition, float32 [B], and the variables that learn from them.

        Those of the critics, then those of the actor; both without the weight decay.
        """
        targets = tf.stop_gradient(self.targets(batch, self._noise(batch)))
        critics, _ = self._critic_errors(batch, targets)
        actor, _ = self._actor_losses(batch, self._noise(batch))
        return [
            (_CRITIC_LOSS_WEIGHT * critics, self._critic_variables),
            (actor, self.model.trainable_variables),
        ]

    def _noise(self, batch: Batch) -> tf.Tensor:
        return self._generator.normal([tf.shape(batch.actions)[0], self.spec.action_size])

    @property
    def averages(self) -> list[tuple[tf.Variable, tf.Variable]]:
        """Pairs (moving average, the online variable it follows)."""
        return [
            pair
            for target, online in zip(self.target_critics, self.critics, strict=True)
            for pair in zip(target.trainable_variables, online.trainable_variables, strict=True)
        ]

    @property
    def _critic_variables(self) -> list[tf.Variable]:
        return [variable for critic in self.critics for variable in critic.trainable_variables]

    def _start(self) -> None:
        """Makes the targets equal to the online critics, and every variable the optimizers will need."""
        for average, variable in self.averages:
            average.assign(variable)
        self._actor_optimizer.build(self.model.trainable_variables)
        self._critic_optimizer.build(self._critic_variables)
        self._alpha_optimizer.build([self._log_alpha])

    def trackables(self) -> dict[str, object]:
        """Returns everything with state, by name, for a checkpoint."""
        return {
            **self.networks,
            "target_critic_1": self.target_critics[0],
            "target_critic_2": self.target_critics[1],
            "log_alpha": self._log_alpha,
            "actor_optimizer": self._actor_optimizer,
            "critic_optimizer": self._critic_optimizer,
            "alpha_optimizer": self._alpha_optimizer,
            "generator": self._generator,
        }

    def update_target(self) -> None:
        """Moves the target critics: target += tau (online - target).

        Zeros stay exact: where both are zero nothing is added.
        """
        for average, variable in self.averages:
            # One kernel instead of a product and a sum.
            tf.raw_ops.ResourceApplyGradientDescent(
                var=average.handle, alpha=self._tau, delta=average - variable
            )

    def greedy(self, observations: tf.Tensor) -> tf.Tensor:
        """Returns the most likely actions before squashing, squashed: float32 [B, A] for [B, D]."""
        return outputs.greedy_actions(self._actor(observations), self._low, self._high)

    def sample(self, observations: tf.Tensor, noise: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Draws actions, differentiably.

        Args:
          observations: float32 [B, D].
          noise: float32 [B, A], standard normal.

        Returns:
          Actions, float32 [B, A], within their bounds, and the logarithms of their density, float32 [B].
        """
        mean, log_deviation = outputs.gaussian(self._actor(observations))
        raw = mean + tf.exp(log_deviation) * noise
        # log N(raw) - log |d action / d raw|, with log(1 - tanh(x)^2) = 2 (log 2 - x - softplus(-2x)),
        # which loses no digits where tanh is near 1.
        constant = self.spec.action_size * (0.5 * math.log(2 * math.pi) + 2 * math.log(2)) + float(
            np.log(((self._high - self._low) / 2).astype(np.float64)).sum()
        )
        terms = 2 * (raw + tf.nn.softplus(-2 * raw)) - log_deviation - 0.5 * tf.square(noise)
        return outputs.squash(raw, self._low, self._high), tf.reduce_sum(terms, axis=1) - constant

    def train_step(
        self, batch: Batch, weights: tf.Tensor, concurrent_ops: ConcurrentOps = no_ops
    ) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        """Makes one gradient step of critics, actor and temperature. For use inside a tf.function.

        Args:
          batch: B transitions.
          weights: float32 [B], importance-sampling weights (ones for uniform replay).
          concurrent_ops: adds operations beside the step, with the weights as they are before it.

        Returns:
          The critics' loss (float32 scalar; not finite where another loss is not), their un-weighted
          squared errors of each transition (float32 [B], both critics' sum) and the float32 scalars
          named in ``STATISTICS``, before the step. Losses are without the weight decay.
        """
        concurrent_ops(None)
        noise = self._generator.normal([2, batch.actions.shape[0], self.spec.action_size])
        critic_loss, per_example, q_mean = self._train_critics(batch, weights, noise[0])
        actor_loss, log_density = self._train_actor(batch, weights, noise[1])
        alpha = tf.exp(self._log_alpha)
        alpha_loss = self._train_alpha(weights, log_density)
        statistics = {
            "critic_loss": critic_loss,
            "actor_loss": actor_loss,
            "alpha_loss": alpha_loss,
            "alpha": alpha,
            "entropy": -tf.reduce_mean(log_density),
            "q_mean": q_mean,
        }
        return critic_loss + 0.0 * (actor_loss + alpha_loss), per_example, statistics

    def targets(self, batch: Batch, noise: tf.Tensor) -> tf.Tensor:
        """Returns what the critics should say, float32 [B]: scaled reward and discounted soft value.

        Args:
          batch: B transitions.
          noise: float32 [B, A], standard normal, of the next actions.
        """
        next_actions, log_density = self.sample(batch.next_observations, noise)
        inputs = tf.concat([batch.next_observations, next_actions], axis=1)
        first, second = (tf.squeeze(target(inputs), 1) for target in self._target_critics)
        value = tf.minimum(first, second) - tf.exp(self._log_alpha) * log_density
        return self._reward_scale_factor * batch.returns + batch.discounts * value

    def _train_critics(
        self, batch: Batch, weights: tf.Tensor, noise: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns loss, squared errors [B] and the first critic's mean value."""
        targets = tf.stop_gradient(self.targets(batch, noise))
        variables = self._critic_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            errors, first = self._critic_errors(batch, targets)
            loss = _CRITIC_LOSS_WEIGHT * tf.reduce_mean(weights * errors)
        self._descend(self._critic_optimizer, tape.gradient(loss, variables), variables, _CRITIC_LOSS_WEIGHT)
        return loss, errors, tf.reduce_mean(first)

    def _critic_errors(self, batch: Batch, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns both critics' squared errors, summed, and the first one's values, each float32 [B]."""
        inputs = tf.concat([batch.observations, batch.actions], axis=1)
        first, second = (tf.squeeze(critic(inputs), 1) for critic in self._critics)
        errors = tf.math.squared_difference(first, targets) + tf.math.squared_difference(second, targets)
        return errors, first

    def _train_actor(self, batch: Batch, weights: tf.Tensor, noise: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns loss and the log densities [B] of the actions drawn."""
        variables = self.model.trainable_variables
        # Only the actor is watched: no gradient of a critic's weights is ever computed here.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            losses, log_density = self._actor_losses(batch, noise)
            loss = tf.reduce_mean(weights * losses)
        self._descend(self._actor_optimizer, tape.gradient(loss, variables), variables, 1.0)
        return loss, log_density

    def _actor_losses(self, batch: Batch, noise: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the actor's losses and the log densities of the actions drawn, each float32 [B]."""
        actions, log_density = self.sample(batch.observations, noise)
        inputs = tf.concat([batch.observations, actions], axis=1)
        first, second = (tf.squeeze(critic(inputs), 1) for critic in self._critics)
        return tf.exp(self._log_alpha) * log_density - tf.minimum(first, second), log_density

    def _train_alpha(self, weights: tf.Tensor, log_density: tf.Tensor) -> tf.Tensor:
        """Returns the temperature's loss: mean(log alpha * (-log density - target entropy))."""
        gradient = tf.reduce_mean(weights * (-log_density - self._target_entropy))
        loss = self._log_alpha * gradient
        self._alpha_optimizer.apply_gradients([(gradient, self._log_alpha)])
        return loss

    def _descend(
        self,
        optimizer: Adam,
        gradients: list[tf.Tensor],
        variables: list[tf.Variable],
        loss_weight: float,
    ) -> None:
        """Makes the optimizer's step, with the gradient of loss_weight * l2 * sum(kernel^2)."""
        if self._l2_regularization:
            factor = 2 * loss_weight * self._l2_regularization
            gradients = [
                gradient + factor * variable if len(variable.shape) > 1 else gradient
                for gradient, variable in zip(gradients, variables, strict=True)
            ]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
