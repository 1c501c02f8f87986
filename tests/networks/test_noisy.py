"""Noisy layers against Fortunato et al. (2018) in float64: fixed noise, moments, starts, plain twins."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import networks
from tf_pruned_rl.config import NetworkConfig
from tf_pruned_rl.networks.noisy import NoisyDense, without_noise

INPUTS = np.random.default_rng(0).normal(0, 1, (5, 12)).astype(np.float32)


def make(units: int = 7, fan_in: int = 12, activation: str | None = None) -> NoisyDense:
    """Returns a layer whose sigmas are all different."""
    tf_keras.utils.set_random_seed(3)
    layer = NoisyDense(units, activation, name="noisy")
    layer.build((None, fan_in))
    rng = np.random.default_rng(1)
    for sigma in (layer.kernel_sigma, layer.bias_sigma):
        sigma.assign(rng.normal(0, 0.3, sigma.shape))
    return layer


def test_call_with_fixed_noise_equals_the_float64_derivation() -> None:
    # 1e-5 of the largest output.
    layer = make(activation="relu")
    state = layer.generator.state.numpy()
    normal = tf.random.Generator.from_state(state, alg="philox").normal([12 + 7]).numpy().astype(np.float64)
    f = np.sign(normal) * np.sqrt(np.abs(normal))
    p, q = f[:12], f[12:]
    mean, bias, sigma, bias_sigma = (w.numpy().astype(np.float64) for w in layer.weights)
    expected = np.maximum(INPUTS @ (mean + sigma * np.outer(p, q)) + bias + bias_sigma * q, 0)
    found = layer(INPUTS, training=True)
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
    quiet = np.maximum(INPUTS @ mean + bias, 0)
    np.testing.assert_allclose(layer(INPUTS), quiet, rtol=1e-5, atol=1e-6)


def test_mean_over_ten_thousand_draws_is_that_of_the_mean_weights() -> None:
    # Five standard errors for each of 35 numbers: a chance of 2e-5 to fail by accident. E[f(p) f(q)] is 0.
    layer = make()
    draw = tf.function(lambda: layer(INPUTS, training=True))
    sums, squares = np.zeros((5, 7)), np.zeros((5, 7))
    for _ in range(10_000):
        outputs = draw().numpy().astype(np.float64)
        sums, squares = sums + outputs, squares + outputs**2
    mean = sums / 10_000
    error = np.sqrt((squares / 10_000 - mean**2) / 10_000)
    assert (error > 0).all()
    assert (np.abs(mean - layer(INPUTS)) < 5 * error).all()
    # Var = sum_i (x_i sigma_ij)^2 E|p| E|q| + sigma_j^2 E|q|, with E|N| = sqrt(2 / pi).
    absolute = np.sqrt(2 / np.pi)
    variance = INPUTS**2 @ layer.kernel_sigma.numpy() ** 2 * absolute**2
    variance += layer.bias_sigma.numpy() ** 2 * absolute
    np.testing.assert_allclose(error**2 * 10_000, variance, rtol=0.1)


def test_one_draw_serves_the_whole_batch_and_the_next_call_has_another() -> None:
    layer = make()
    same = np.tile(INPUTS[:1], (4, 1))
    first, second = layer(same, training=True).numpy(), layer(same, training=True).numpy()
    assert (first == first[0]).all() and (first != second).all()


def test_starts_are_dopamines() -> None:
    tf_keras.utils.set_random_seed(0)
    layer = NoisyDense(400)
    layer.build((None, 100))
    for mean in (layer.kernel.numpy(), layer.bias.numpy()):
        assert 0.095 < np.abs(mean).max() <= 0.1
        assert mean.std() == pytest.approx(0.1 / np.sqrt(3), rel=0.1)
    for sigma in (layer.kernel_sigma.numpy(), layer.bias_sigma.numpy()):
        np.testing.assert_allclose(sigma, 0.01, rtol=1e-6)


def test_layers_draw_apart_and_by_the_seed() -> None:
    def draws(seed: int) -> list[np.ndarray]:
        tf_keras.utils.set_random_seed(seed)
        layers = [NoisyDense(3) for _ in range(2)]
        for layer in layers:
            layer.build((None, 3))
        return [layer.noise()[0].numpy() for layer in layers]

    assert np.array_equal(draws(1), draws(1))
    assert not np.array_equal(*draws(1))
    assert not np.array_equal(draws(1)[0], draws(2)[0])


def test_a_restored_checkpoint_goes_on_with_the_same_noise(tmp_path) -> None:
    layer = make()
    layer(INPUTS, training=True)
    path = tf.train.Checkpoint(layer=layer).write(str(tmp_path / "state"))
    expected = layer(INPUTS, training=True)
    other = make()
    tf.train.Checkpoint(layer=other).read(path).assert_consumed()
    np.testing.assert_array_equal(other(INPUTS, training=True), expected)


@pytest.mark.parametrize("dueling", [False, True])
def test_the_network_without_noise_shares_the_mean_weights(dueling: bool) -> None:
    config = NetworkConfig(network="nature", width=0.25, noisy=True, dueling=dueling)
    model = networks.build(config, num_actions=4, num_atoms=5)
    plain = without_noise(model)
    frames = np.random.default_rng(0).integers(0, 256, (2, 84, 84, 4)).astype(np.uint8)
    np.testing.assert_array_equal(plain(frames, training=True), model(frames))
    assert not np.array_equal(model(frames, training=True), model(frames))
    own = {id(variable) for variable in model.variables}
    assert {id(variable) for variable in plain.variables} < own
    silent = networks.build(
        NetworkConfig(network="nature", width=0.25, dueling=dueling), num_actions=4, num_atoms=5
    )
    assert [w.shape for w in plain.weights] == [w.shape for w in silent.weights]
    assert without_noise(silent) is silent
