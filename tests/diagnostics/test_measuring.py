"""All diagnostics of an agent, against float64 numpy on the same batch; and that they change nothing."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import config, diagnostics
from tf_pruned_rl.environments import BoxSpec, DiscreteSpec
from tf_pruned_rl.replay import FrameReplay, TransitionReplay
from tf_pruned_rl.training.learner import Learner

SETTINGS = {
    "network": "nature",
    "width": 0.25,
    "batch_size": 4,
    "num_atoms": 11,
    "diagnostics": True,
    "diagnostics_batch": 40,
    "covariance_batch": 5,
    "dormant_threshold": 0.1,
    "prune_every": 2,
    "prune_start": 0.0,
    "total_frames": 3_200,
    "min_replay_history": 40,
    "replay_capacity": 400,
}


def frames(settings) -> FrameReplay:
    """A replay of 100 random entries."""
    learner = settings.learning
    replay = FrameReplay(200, batch_size=4, n_step=learner.n_step, sampling=settings.replay.replay_sampling)
    rng, add = np.random.default_rng(3), tf.function(replay.add)
    for step in range(100):
        frame = tf.constant(rng.integers(0, 256, (1, 84, 84)), tf.uint8)
        reward = tf.constant(rng.uniform(-1, 1, 1), tf.float32)
        add(frame, tf.constant([step % 4]), reward, tf.constant([step % 40 == 39]), tf.constant([False]))
    return replay


def small_run(agent: str, **changes):
    """Returns configuration, learner, replay and diagnostics of a small agent that has learned a little."""
    settings = config.replace(config.preset(agent), **{**SETTINGS, **changes})
    tf_keras.utils.set_random_seed(2)
    learner, replay = Learner(settings, DiscreteSpec(4)), frames(settings)
    return (
        settings,
        learner,
        replay,
        diagnostics.create(settings, learner.agent, replay, learner.pruner.masks()),
    )


def float64_outputs(model, observations: np.ndarray) -> dict[str, np.ndarray]:
    """Every hidden layer's output of the Nature network, computed without TensorFlow's layers."""
    x, outputs_of = observations / 255, {}
    for layer in model.layers:
        if "conv" in layer.name:
            kernel, bias = (weight.numpy().astype(np.float64) for weight in layer.weights)
            (k, _, _, _), stride = kernel.shape, layer.strides[0]
            out = -(-x.shape[1] // stride)
            pad = max((out - 1) * stride + k - x.shape[1], 0)
            sides = (pad // 2, pad - pad // 2)
            padded = np.pad(x, [(0, 0), sides, sides, (0, 0)])
            windows = np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(1, 2))
            x = np.einsum("bhwcij,ijco->bhwo", windows[:, ::stride, ::stride], kernel, optimize=True) + bias
            x = outputs_of[layer.name] = np.maximum(x, 0)
        elif layer.name == "flatten":
            x = outputs_of["encoder"] = x.reshape(len(x), -1)
        elif layer.name in ("dense", "head"):
            kernel, bias = (weight.numpy().astype(np.float64) for weight in layer.weights)
            x = x @ kernel + bias
            x = outputs_of[layer.name] = np.maximum(x, 0) if layer.name == "dense" else x
    return outputs_of


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def float64_targets(model, batch, atoms: np.ndarray | None) -> np.ndarray:
    """What Q(s, a) should be: of DQN, or with ``atoms`` of C51, where mass beyond the ends lies on them."""
    head = float64_outputs(model, batch.next_observations.numpy().astype(np.float64))["head"]
    returns, discounts = (x.numpy().astype(np.float64) for x in (batch.returns, batch.discounts))
    if atoms is None:
        return returns + discounts * head.max(axis=1)
    probabilities = softmax(head.reshape(len(head), -1, len(atoms)))
    best = probabilities[np.arange(len(head)), (probabilities @ atoms).argmax(axis=1)]
    places = returns[:, None] + discounts[:, None] * atoms
    # Sharing a mass between the two atoms around it leaves its mean as it is.
    return (best * np.clip(places, atoms[0], atoms[-1])).sum(axis=1)


@pytest.mark.parametrize("agent", ["dqn", "rainbow"])
def test_equals_float64(agent):
    _, learner, replay, meter = small_run(agent, pruning="static", sparsity=0.5)
    values = meter.measure(7)
    batch = replay.batch(meter.rows(7), tf.ones(40))
    outputs = float64_outputs(learner.agent.model, batch.observations.numpy().astype(np.float64))
    dormant = {}
    for name in ("conv1", "conv2", "conv3", "dense"):
        means = outputs[name].reshape(-1, outputs[name].shape[-1]).mean(axis=0)
        dormant[name] = means / means.mean() <= 0.1
        assert values[f"dormant/{name}"] == np.mean(dormant[name])
    assert values["dormant"] == np.concatenate(list(dormant.values())).mean()
    for key, name in (("srank", "dense"), ("srank_encoder", "encoder")):
        singular = np.linalg.svd(outputs[name], compute_uv=False)
        assert values[key] == np.argmax(np.cumsum(singular) / singular.sum() >= 0.99) + 1
    q, atoms = outputs["head"], np.linspace(-10, 10, 11)
    q = q if agent == "dqn" else softmax(q.reshape(40, 4, 11)) @ atoms
    assert values["q_norm"] == pytest.approx(np.linalg.norm(q, axis=1).mean(), rel=1e-5)
    chosen = q[np.arange(40), batch.actions.numpy()]
    assert values["q_variance"] == pytest.approx(np.var(chosen), rel=1e-5)
    expected = float64_targets(learner.agent.target_model, batch, None if agent == "dqn" else atoms)
    assert values["target_variance"] == pytest.approx(np.var(expected), rel=1e-5)
    weights = [w.numpy().astype(np.float64) for w in learner.agent.model.trainable_variables]
    norms = [np.sqrt((w**2).sum()) for w in weights]
    assert values["parameters_norm"] == pytest.approx(np.linalg.norm(norms), rel=1e-9)
    assert values["parameters_norm_mean"] == pytest.approx(np.mean(norms), rel=1e-9)


def test_covariance_is_of_the_gradients_of_single_transitions():
    _, learner, replay, meter = small_run("dqn", pruning="static", sparsity=0.5)
    meter.measure(7)
    batch = replay.batch(meter.rows(7)[:5], tf.ones(5))
    with tf.GradientTape(persistent=True) as tape:
        losses = tf.unstack(learner.agent.loss_per_example(batch)[0])
    masks = [learner.pruner.masks().get(v.ref()) for v in learner.agent.model.trainable_variables]
    for name, kept in (("all", False), ("kept", True)):
        vectors = []
        for loss in losses:
            gradients = tape.gradient(loss, learner.agent.model.trainable_variables)
            scaled = [
                g.numpy().astype(np.float64) * (m.numpy() if kept and m is not None else 1)
                for g, m in zip(gradients, masks, strict=True)
            ]
            vectors.append(np.concatenate([g.ravel() for g in scaled]))
        units = np.array(vectors) / np.linalg.norm(vectors, axis=1)[:, None]
        np.testing.assert_allclose(meter.covariances[name], units @ units.T, rtol=1e-5, atol=1e-5)
    assert np.abs(meter.covariances["all"] - meter.covariances["kept"]).max() > 1e-4


class Linear:
    """Q(s, a) = w_a s + b_a on scaled observations, learning squared errors to the returns."""

    def __init__(self):
        inputs = tf_keras.Input((84, 84, 4))
        flat = tf_keras.layers.Flatten()(tf_keras.layers.Rescaling(1 / 255)(inputs))
        self.model = tf_keras.Model(inputs, tf_keras.layers.Dense(4, name="head")(flat))
        self.networks = {"online": self.model}
        self.cpu_optimizations = False

    def trackables(self):
        return self.networks

    def objectives(self, batch):
        chosen = tf.gather(self.model(tf.cast(batch.observations, tf.float32)), batch.actions, batch_dims=1)
        return [(tf.square(chosen - batch.returns), self.model.trainable_variables)]


def test_covariance_of_a_linear_network_is_that_of_gradients_written_by_hand():
    settings, _, replay, _ = small_run("dqn")
    agent = Linear()
    meter = diagnostics.create(settings, agent, replay, {})
    rows = meter.rows(7)[:5]
    values = meter.measure_covariance(rows)
    batch = replay.batch(rows, tf.ones(5))
    states = batch.observations.numpy().reshape(5, -1).astype(np.float64) / 255
    weights, biases = (w.astype(np.float64) for w in agent.model.get_layer("head").get_weights())
    gradients = np.zeros((5, weights.size + 4))
    for row, (state, action, target) in enumerate(
        zip(states, batch.actions.numpy(), batch.returns, strict=True)
    ):
        error = state @ weights[:, action] + biases[action] - float(target)
        by_weights, by_biases = np.zeros(weights.shape), np.zeros(4)
        by_weights[:, action], by_biases[action] = 2 * error * state, 2 * error
        gradients[row] = np.concatenate([by_weights.ravel(), by_biases])
    units = gradients / np.linalg.norm(gradients, axis=1)[:, None]
    cosines = units @ units.T
    np.testing.assert_allclose(meter.covariances["all"], cosines, rtol=1e-5, atol=1e-12)
    assert len(set(batch.actions.numpy())) > 1 and (cosines == 0).any(), "other actions share no weight"
    off = cosines[~np.eye(5, dtype=bool)]
    assert values["covariance_size"] == pytest.approx(np.abs(off).mean(), rel=1e-5)
    assert values["covariance_negative"] == (off < 0).mean()


def test_three_dead_of_eight_neurons_of_a_network():
    _, learner, _, meter = small_run("dqn", dormant_threshold=0.0)
    layer = learner.agent.model.get_layer("conv1")
    layer.bias.assign([9.0, -9.0, 9.0, 9.0, -9.0, 9.0, -9.0, 9.0])
    layer.kernel.assign(0.01 * layer.kernel)
    values = meter.measure(1)
    assert values["dormant/conv1"] == 3 / 8
    sizes = {"conv1": 8, "conv2": 16, "conv3": 16, "dense": 512}
    total = sum(values[f"dormant/{name}"] * size for name, size in sizes.items())
    assert values["dormant"] == pytest.approx(total / sum(sizes.values()), rel=1e-12)


def test_training_is_the_same_with_and_without():
    losses = []
    for measure in (False, True):
        _, learner, replay, meter = small_run("rainbow")
        step = tf.function(lambda learner=learner, replay=replay: learner.step(replay, replay.sample()))
        statistics = []
        for number in range(8):
            step()
            if measure and number % 2:
                meter.measure(number)
            statistics.append(learner.drain_statistics())
        losses.append(statistics)
    assert losses[0] == losses[1]


def test_same_step_same_numbers_and_other_step_other_states():
    *_, meter = small_run("dqn")
    first = meter.measure(3)
    assert meter.measure(3) == first
    assert meter.measure(4) != first


def test_off_is_the_object_that_measures_nothing():
    settings, learner, replay, _ = small_run("dqn")
    off = config.replace(settings, diagnostics=False)
    assert diagnostics.create(off, learner.agent, replay, {}).every == 0


def test_files(tmp_path):
    *_, meter = small_run("dqn")
    meter.measure(1)
    meter.save(tmp_path / "diagnostics", 3_200)
    with np.load(tmp_path / "diagnostics" / "gradient_covariance-000000003200.npz") as arrays:
        np.testing.assert_array_equal(arrays["all"], meter.covariances["all"])
        assert set(arrays) == {"all", "kept"}
    assert (tmp_path / "diagnostics" / "gradient_covariance-000000003200.png").stat().st_size > 100


def test_sac_and_its_random_numbers():
    settings = config.replace(
        config.preset("sac"), width=0.25, diagnostics=True, diagnostics_batch=30, covariance_batch=4
    )
    spaces = BoxSpec(3, (-2.0,), (2.0,))
    tf_keras.utils.set_random_seed(2)
    learner = Learner(settings, spaces)
    replay, rng = TransitionReplay(100, 3, 1, batch_size=4), np.random.default_rng(0)
    for _ in range(60):
        values = (rng.normal(size=shape).astype(np.float32) for shape in ((1, 3), (1, 1), (1,)))
        never = tf.constant([False])
        replay.add(*values, never, never, rng.normal(size=(1, 3)).astype(np.float32))
    meter = diagnostics.create(settings, learner.agent, replay, learner.pruner.masks())
    generators = [v for v in learner.agent.trackables().values() if isinstance(v, tf.random.Generator)]
    before = [generator.state.numpy() for generator in generators]
    values = meter.measure(1)
    assert generators
    for generator, state in zip(generators, before, strict=True):
        np.testing.assert_array_equal(generator.state, state)
    assert {"srank/actor", "srank/critic_1", "dormant/critic_2/hidden1", "target_variance"} <= values.keys()
    assert np.isfinite(list(values.values())).all()
