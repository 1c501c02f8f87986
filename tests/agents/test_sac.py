"""SAC: losses and gradients against a float64 derivation in numpy, targets, masks, parts of TF-Agents."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_agents.trajectories import time_step

from tf_pruned_rl import agents, config, pruning
from tf_pruned_rl.environments import BoxSpec
from tf_pruned_rl.replay import Batch
from tf_pruned_rl.training.learner import Learner

SPACES = BoxSpec(observation_size=5, low=(-1.0, -0.4, 0.0), high=(1.0, 0.4, 3.0))
B, D, A = 16, 5, 3
LOW, HIGH = np.array(SPACES.low), np.array(SPACES.high)
SETTINGS = {
    "width": 0.25,
    "tau": 0.1,
    "reward_scale": 0.3,
    "initial_alpha": 0.2,
    "target_entropy": -0.7,
    "batch_size": B,
}


def make(**changes: object) -> agents.SacAgent:
    tf_keras.utils.set_random_seed(3)
    agent = agents.create(config.replace(config.preset("sac"), **(SETTINGS | changes)), SPACES)
    generator = np.random.default_rng(1)
    for model in (*agent.networks.values(), *agent.target_critics):
        for weight in model.weights:  # biases too, and targets unlike the online critics
            weight.assign_add(0.1 * generator.standard_normal(weight.shape))
    return agent


@pytest.fixture
def batch() -> Batch:
    generator = np.random.default_rng(0)
    floats = [generator.standard_normal((B, D)), generator.uniform(LOW, HIGH, (B, A))]
    floats += [generator.standard_normal(B), 0.99 * (generator.uniform(size=B) < 0.8)]
    floats += [generator.standard_normal((B, D))]
    arrays = [tf.constant(value, tf.float32) for value in floats]
    return Batch(*arrays, indices=tf.range(B, dtype=tf.int64), probabilities=tf.ones([B]))


Weights = list[np.ndarray]


def weights_of(model: tf_keras.Model) -> Weights:
    return [weight.numpy().astype(np.float64) for weight in model.weights]


def forward(weights: Weights, x: np.ndarray) -> np.ndarray:
    for kernel, bias in zip(weights[0:4:2], weights[1:4:2], strict=True):
        x = np.maximum(x @ kernel + bias, 0)
    return x @ weights[4] + weights[5]


def draw(actor: Weights, observations: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Actions and log densities, by the change of variables as it is written in books."""
    mean, log_deviation = np.split(forward(actor, observations), 2, axis=1)
    raw = mean + np.exp(log_deviation) * noise
    scale = (HIGH - LOW) / 2
    normal = -0.5 * ((raw - mean) / np.exp(log_deviation)) ** 2 - log_deviation - 0.5 * math.log(2 * math.pi)
    jacobian = scale * (1 - np.tanh(raw) ** 2)
    return (HIGH + LOW) / 2 + scale * np.tanh(raw), (normal - np.log(jacobian)).sum(axis=1)


def least(critics: list[Weights], observations: np.ndarray, actions: np.ndarray) -> np.ndarray:
    inputs = np.concatenate([observations, actions], axis=1)
    return np.minimum(*(forward(critic, inputs)[:, 0] for critic in critics))


class Reference:
    """The three losses of one step in float64, from the weights before it."""

    def __init__(self, agent: agents.SacAgent, batch: Batch):
        self.actor = weights_of(agent.model)
        self.critics = [weights_of(model) for model in agent.critics]
        self.targets = [weights_of(model) for model in agent.target_critics]
        self.alpha = math.exp(float(agent.log_alpha))
        copy = tf.random.Generator.from_state(agent._generator.state.numpy(), alg="philox")
        self.noise = copy.normal([2, B, A]).numpy().astype(np.float64)
        fields = (batch.observations, batch.actions, batch.returns, batch.discounts, batch.next_observations)
        self.s, self.a, self.r, self.discount, self.s2 = (x.numpy().astype(np.float64) for x in fields)

    def errors(self, critics: list[Weights]) -> np.ndarray:
        a2, log_density = draw(self.actor, self.s2, self.noise[0])
        value = least(self.targets, self.s2, a2) - self.alpha * log_density
        target = SETTINGS["reward_scale"] * self.r + self.discount * value
        inputs = np.concatenate([self.s, self.a], axis=1)
        return sum((forward(critic, inputs)[:, 0] - target) ** 2 for critic in critics)

    def critic_loss(self, critics: list[Weights], decay: float = 0.0) -> float:
        kernels = [weight for critic in critics for weight in critic if weight.ndim > 1]
        return 0.5 * (self.errors(critics).mean() + decay * sum((kernel**2).sum() for kernel in kernels))

    def actor_loss(self, actor: Weights, critics: list[Weights], decay: float = 0.0) -> float:
        actions, log_density = draw(actor, self.s, self.noise[1])
        loss = (self.alpha * log_density - least(critics, self.s, actions)).mean()
        return loss + decay * sum((weight**2).sum() for weight in actor if weight.ndim > 1)

    def alpha_loss(self) -> float:
        _, log_density = draw(self.actor, self.s, self.noise[1])
        return math.log(self.alpha) * (-log_density - SETTINGS["target_entropy"] * A).mean()


def step(agent: agents.SacAgent, batch: Batch) -> tuple:
    return tf.function(agent.train_step)(batch, tf.ones([B]))


def test_losses_are_those_of_the_derivation(batch):
    agent = make()
    reference = Reference(agent, batch)
    loss, per_example, statistics = step(agent, batch)
    np.testing.assert_allclose(per_example, reference.errors(reference.critics), rtol=1e-5)
    expected = {
        "critic_loss": reference.critic_loss(reference.critics),
        # The actor learns from the critics that have just learned.
        "actor_loss": reference.actor_loss(reference.actor, [weights_of(model) for model in agent.critics]),
        "alpha_loss": reference.alpha_loss(),
        "alpha": SETTINGS["initial_alpha"],
    }
    for name, value in expected.items():
        np.testing.assert_allclose(float(statistics[name]), value, rtol=1e-5, err_msg=name)
    assert float(loss) == float(statistics["critic_loss"])
    assert set(statistics) == set(agent.STATISTICS)


def moments(optimizer: tf_keras.optimizers.legacy.Optimizer, model: tf_keras.Model) -> Weights:
    """The gradients of the first step: Adam's first moment is a tenth of them."""
    return [optimizer.get_slot(weight, "m").numpy() / 0.1 for weight in model.weights]


def assert_gradient(loss, weights: Weights, gradient: Weights) -> None:
    """Compares a gradient with central differences of ``loss`` in a few directions."""
    generator, size = np.random.default_rng(5), 1e-6
    for _ in range(3):
        directions = [generator.standard_normal(weight.shape) for weight in weights]
        ends = [
            loss([w + sign * size * d for w, d in zip(weights, directions, strict=True)]) for sign in (1, -1)
        ]
        along = sum((g * d).sum() for g, d in zip(gradient, directions, strict=True))
        np.testing.assert_allclose(along, (ends[0] - ends[1]) / (2 * size), rtol=2e-4)


@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_gradients_are_those_of_the_losses(batch, decay):
    agent = make(l2_regularization=decay)
    reference = Reference(agent, batch)
    step(agent, batch)
    gradient = [g for model in agent.critics for g in moments(agent._critic_optimizer, model)]
    assert_gradient(
        lambda flat: reference.critic_loss([flat[:6], flat[6:]], decay),
        [weight for critic in reference.critics for weight in critic],
        gradient,
    )
    learned = [weights_of(model) for model in agent.critics]
    assert_gradient(
        lambda actor: reference.actor_loss(actor, learned, decay),
        reference.actor,
        moments(agent._actor_optimizer, agent.model),
    )
    slot = agent._alpha_optimizer.get_slot(agent.log_alpha, "m").numpy() / 0.1
    np.testing.assert_allclose(slot, reference.alpha_loss() / math.log(reference.alpha), rtol=1e-5)


def test_importance_weights_scale_each_transition(batch):
    agent = make()
    reference = Reference(agent, batch)
    weights = np.linspace(0.1, 1.0, B)
    loss, _, _ = tf.function(agent.train_step)(batch, tf.constant(weights, tf.float32))
    np.testing.assert_allclose(
        float(loss), 0.5 * (weights * reference.errors(reference.critics)).mean(), rtol=1e-5
    )


def test_a_loss_that_is_not_finite_shows_whichever_it_is(batch):
    agent = make()
    agent.log_alpha.assign(np.nan)
    assert not np.isfinite(float(step(agent, batch)[0]))
    agent = make()
    agent.model.weights[-1].assign(np.full(2 * A, np.inf))
    assert not np.isfinite(float(step(agent, batch)[0]))


@pytest.mark.parametrize("k", [1, 7, 200])
def test_targets_after_k_updates_equal_the_closed_form(k):
    agent = make()
    before = [average.numpy().astype(np.float64) for average, _ in agent.averages]
    update = tf.function(agent.update_target)
    for _ in range(k):
        update()
    assert len(before) == 12
    for start, (average, online) in zip(before, agent.averages, strict=True):
        end = online.numpy().astype(np.float64)
        np.testing.assert_allclose(average.numpy(), end + 0.9**k * (start - end), rtol=1e-5, atol=1e-6)


def test_targets_start_equal_to_the_critics():
    agent = agents.create(config.replace(config.preset("sac"), width=0.25), SPACES)
    for average, online in agent.averages:
        np.testing.assert_array_equal(average.numpy(), online.numpy())
    assert any(
        (a.numpy() != b.numpy()).any() for a, b in zip(*(c.weights for c in agent.critics), strict=True)
    )


def test_masks_stay_binary_and_are_the_targets_too(batch):
    pruned = config.replace(config.preset("sac", "quick"), **SETTINGS, sparsity=0.9, prune_every=3)
    agent = make()
    pruner = pruning.create(pruned, agent.networks, agent.averages)
    masks = {id(ref.deref()): mask for ref, mask in pruner.masks().items()}
    assert len(masks) == 9

    @tf.function
    def learn(number: tf.Tensor) -> None:
        agent.train_step(batch, tf.ones([B]))
        pruner.after_gradient_step(number)
        agent.update_target()

    for number in range(3_900, 16_300, 301):  # pruning goes from 4,000 to 16,000
        learn(tf.constant(number, tf.int64))
        pruner.check(number)
        for average, online in agent.averages:
            if id(online) in masks:
                mask = masks[id(online)].numpy()
                assert set(np.unique(mask)) <= {0.0, 1.0}
                assert not average.numpy()[mask == 0].any() and not online.numpy()[mask == 0].any()
    assert pruner.sparsity() == pytest.approx(0.9, abs=1e-3)


def test_concurrent_operations_see_the_weights_before_the_step(batch):
    agent, seen = make(), tf.Variable(tf.zeros([B, A]))
    step = tf.function(
        lambda: agent.train_step(
            batch, tf.ones([B]), lambda state: seen.assign(agent.greedy(batch.observations))
        )
    )
    for _ in range(3):
        before = agent.greedy(batch.observations).numpy()
        step()
        np.testing.assert_allclose(seen, before, rtol=1e-5, atol=1e-6)
        assert np.abs(agent.greedy(batch.observations) - before).max() > 1e-4


def test_the_actor_learns_from_exactly_sparse_critics(batch, monkeypatch):
    """The critics' step moves pruned weights away from 0; the actor's loss must not see that."""
    pruned = config.replace(config.preset("sac", "quick"), **SETTINGS, sparsity=0.9)
    learner = Learner(pruned, SPACES)
    learner.pruner.update_masks(tf.constant(16_300))
    agent, masks, strays = learner.agent, learner.pruner.masks(), []
    losses = agent._actor_losses

    def watched(*args):
        kernels = [v for critic in agent.critics for v in critic.trainable_variables if v.ref() in masks]
        strays.append([np.count_nonzero(v.numpy()[masks[v.ref()].numpy() == 0]) for v in kernels])
        return losses(*args)

    monkeypatch.setattr(agent, "_actor_losses", watched)
    before = [variable.numpy() for critic in agent.critics for variable in critic.trainable_variables]
    for _ in range(2):
        agent.train_step(batch, tf.ones([B]))
    after = [variable.numpy() for critic in agent.critics for variable in critic.trainable_variables]
    assert np.array(strays).shape == (2, 6) and not np.any(strays)
    assert all((one != other).any() for one, other in zip(before, after, strict=True))
    learner.pruner.check(16_300)


def test_density_is_that_of_tf_agents_distribution():
    agent = make()
    observations = tf.random.stateless_normal([B, D], [1, 2])
    noise = tf.random.stateless_normal([B, A], [3, 4])
    actions, log_density = agent.sample(observations, noise)
    assert np.all((actions >= LOW) & (actions <= HIGH))
    distribution, _ = agent._actor_network(observations)
    np.testing.assert_allclose(log_density, distribution.log_prob(actions), rtol=1e-3, atol=1e-3)


def test_density_is_finite_far_out():
    agent = make()
    agent.model.weights[-1].assign([30.0] * A + [0.0] * A)
    actions, log_density = agent.sample(tf.zeros([B, D]), tf.zeros([B, A]))
    assert np.isfinite(log_density).all() and np.isfinite(actions).all()


def test_policies_of_tf_agents_act_on_the_same_network():
    agent = make()
    observations = tf.random.stateless_normal([B, D], [1, 2])
    steps = time_step.restart(observations, batch_size=B)
    action = agent.collect_policy.action(steps).action
    assert action.shape == (B, A) and np.all((action >= LOW) & (action <= HIGH))
    np.testing.assert_allclose(
        agent._train_policy.distribution(steps).action.mode(),
        agent.greedy(observations),
        rtol=1e-5,
        atol=1e-6,
    )


def test_settings_reach_the_agent():
    agent = make()
    assert float(agent._target_entropy) == pytest.approx(-2.1)
    assert float(tf.exp(agent.log_alpha)) == pytest.approx(0.2)
    paper = agents.create(config.preset("sac"), SPACES)
    assert (float(paper._target_entropy), float(paper.log_alpha)) == (-1.5, 0.0)
    assert float(paper._actor_optimizer.lr) == float(paper._critic_optimizer.lr) == pytest.approx(3e-4)
