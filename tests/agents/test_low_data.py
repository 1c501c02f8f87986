"""Double Q-learning, dueling heads and noisy layers in the losses of all agents, against float64."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl.networks.noisy import NoisyDense

_ATOMS = np.linspace(-10, 10, 51)


def _softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _project(positions: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Shares each mass between the atoms below and above."""
    projected = np.zeros((len(positions), 51))
    for row, (xs, ps) in enumerate(zip(positions, probabilities, strict=True)):
        for x, p in zip(xs, ps, strict=True):
            place = (min(max(x, -10.0), 10.0) + 10) / 0.4
            below = min(int(np.floor(place)), 49)
            projected[row, below] += p * (below + 1 - place)
            projected[row, below + 1] += p * (place - below)
    return projected


class _Head:
    """The dense layers of a model in float64, fed with the float32 features of its convolutions."""

    def __init__(self, model, num_actions: int = 4):
        self._model, self._num_actions = model, num_actions
        self._flat = type(model)(model.inputs, model.get_layer("flatten").output)
        # The noise that the model would draw next, by a generator of the same state.
        self._states = {
            layer.name: layer.generator.state.numpy()
            for layer in model.layers
            if isinstance(layer, NoisyDense)
        }
        self._generators: dict[str, tf.random.Generator] = {}

    def __call__(self, observations: tf.Tensor) -> np.ndarray:
        """Returns float64 [B, A, atoms]; each call draws the next noise."""
        x = np.maximum(self._dense("dense", self._flat(observations).numpy().astype(np.float64)), 0)
        if "head" in {layer.name for layer in self._model.layers}:
            return self._dense("head", x).reshape(len(x), self._num_actions, -1)
        value = self._dense("value", x)[:, None, :]
        advantages = self._dense("advantage", x).reshape(len(x), self._num_actions, -1)
        return value + advantages - advantages.mean(1, keepdims=True)

    def _dense(self, name: str, x: np.ndarray) -> np.ndarray:
        weights = [w.numpy().astype(np.float64) for w in self._model.get_layer(name).weights]
        if name not in self._states:
            return x @ weights[0] + weights[1]
        generator = self._generators.setdefault(
            name, tf.random.Generator.from_state(self._states[name], alg="philox")
        )
        kernel, bias, kernel_sigma, bias_sigma = weights
        normal = generator.normal([sum(kernel.shape)]).numpy().astype(np.float64)
        noise = np.sign(normal) * np.sqrt(np.abs(normal))
        p, q = noise[: len(kernel)], noise[len(kernel) :]
        return x @ (kernel + kernel_sigma * np.outer(p, q)) + bias + bias_sigma * q


def _expected(agent, batch, loss: str, double_q: bool) -> np.ndarray:
    """Returns each transition's loss in float64."""
    rows, actions = np.arange(len(batch.actions)), batch.actions.numpy()
    online, target = _Head(agent.model), _Head(agent.target_model)
    outputs, next_outputs = online(batch.observations), target(batch.next_observations)
    deciding = online(batch.next_observations) if double_q else next_outputs
    returns, discounts = (x.numpy().astype(np.float64) for x in (batch.returns, batch.discounts))
    if loss == "c51":
        best = (_softmax(deciding) @ _ATOMS).argmax(1)
        positions = returns[:, None] + discounts[:, None] * _ATOMS
        projected = _project(positions, _softmax(next_outputs)[rows, best])
        return -(projected * np.log(_softmax(outputs)[rows, actions])).sum(1)
    best = deciding[..., 0].argmax(1)
    error = outputs[rows, actions, 0] - returns - discounts * next_outputs[rows, best, 0]
    small = np.abs(error) <= 1
    return np.where(small, error**2 / 2, np.abs(error) - 0.5) if loss == "huber" else error**2


def _disagree(agent) -> None:
    """Turns the target's last layers round, so that it likes best what the online network likes least."""
    for layer in agent.target_model.layers:
        if layer.name in ("head", "value", "advantage"):
            layer.kernel.assign(-10 * agent.model.get_layer(layer.name).kernel)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("dqn", {"double_q": True}),
        ("dqn", {"noisy": True, "double_q": True}),
        ("rainbow", {"double_q": True}),
        ("rainbow", {"dueling": True}),
        ("rainbow", {"noisy": True}),
        ("der", {}),
        ("drq_eps", {"target_update_period": 2}),  # every step, as in the preset, is tested below
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value) or "preset",
)
def test_loss_with_fixed_noise_equals_the_float64_derivation(make_agent, batch, name, changes) -> None:
    # 1e-5 relative, and as much of the largest loss.
    agent = make_agent(name, **changes)
    learner = {"dqn": ("mse", True), "drq_eps": ("huber", True), "der": ("c51", True)}
    loss, double_q = learner.get(name, ("c51", changes.get("double_q", False)))
    _disagree(agent)
    expected = _expected(agent, batch, loss, double_q)
    if double_q:  # else the rule would not be tested
        assert np.abs(expected - _expected(agent, batch, loss, False)).max() > 1e-3
    found, _ = agent.loss_per_example(batch)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * expected.max())


def test_double_q_lets_the_online_network_choose(make_agent, batch) -> None:
    # Of networks that disagree, so that the two rules have different targets.
    single, double = make_agent("dqn"), make_agent("dqn", double_q=True)
    _disagree(single)
    outputs = single.target_model(batch.next_observations)
    np.testing.assert_array_equal(single.next_actions(batch, outputs), np.argmax(outputs, axis=1))
    chosen = np.argmax(double.model(batch.next_observations), axis=1)
    np.testing.assert_array_equal(double.next_actions(batch, outputs), chosen)
    assert (chosen != np.argmax(outputs, axis=1)).any()


def test_evaluation_is_quiet_and_exploring_is_not(make_agent, batch) -> None:
    agent = make_agent("der")
    quiet = [agent.q_values(batch.observations).numpy() for _ in range(2)]
    noisy = [agent.exploring_q_values(batch.observations).numpy() for _ in range(2)]
    np.testing.assert_array_equal(*quiet)
    assert not np.array_equal(*noisy) and not np.array_equal(quiet[0], noisy[0])


def test_online_and_target_draw_apart(make_agent) -> None:
    agent = make_agent("der", same_target=True)
    layers = [model.get_layer("dense") for model in (agent.model, agent.target_model)]
    np.testing.assert_array_equal(layers[0].kernel, layers[1].kernel)
    assert not np.array_equal(layers[0].noise()[0], layers[1].noise()[0])


def test_a_target_copied_at_every_step_is_the_online_network(make_agent, batch, weights) -> None:
    settings = {"same_target": True, "learning_rate": 1e-3}
    shared = make_agent("drq_eps", **settings)
    copied = make_agent("drq_eps", target_update_period=2, **settings)
    assert shared.target_model is shared.model and copied.target_model is not copied.model
    for _ in range(5):
        losses = [float(agent.train_step(batch, weights)[0]) for agent in (shared, copied)]
        copied.update_target()
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for one, other in zip(shared.model.get_weights(), copied.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("noisy", "runs"), [(False, 1), (True, 2)])
def test_choosing_and_valuing_draw_apart_and_are_one_without_noise(
    make_agent, batch, monkeypatch, noisy: bool, runs: int
) -> None:
    agent = make_agent("drq_eps", same_target=True, noisy=noisy)
    calls = []

    def counted(computation):
        return lambda *arguments, **options: calls.append(1) or computation(*arguments, **options)

    for name in ("online", "target"):
        monkeypatch.setattr(agent, name, counted(getattr(agent, name)))
    agent.target_values(batch)
    assert len(calls) == runs


@pytest.mark.parametrize("name", ["der", "drq_eps"])
def test_steps_on_one_batch_lower_its_loss(make_agent, batch, weights, name: str) -> None:
    agent = make_agent(name, learning_rate=1e-3, target_update_period=1_000)
    step = tf.function(agent.train_step)
    losses = [float(step(batch, weights)[0]) for _ in range(40)]
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])


def test_gradients_reach_means_and_sigmas(make_agent, batch) -> None:
    agent = make_agent("der")
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(agent.loss_per_example(batch)[0])
    gradients = tape.gradient(loss, agent.model.trainable_variables)
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)
    names = {variable.name.split("/")[-1] for variable in agent.model.trainable_variables}
    assert {"kernel_sigma:0", "bias_sigma:0"} <= names
