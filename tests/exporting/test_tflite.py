"""TensorFlow Lite: what the file computes, how small it is, and the layer that its kernel gets wrong."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import config, networks
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.exporting import tflite, verification
from tf_pruned_rl.policies.runtimes import Tflite

CONFIG = config.replace(config.ExperimentConfig(), network="impala", width=0.25)
OBSERVATIONS = np.random.default_rng(0).integers(0, 256, (3, 84, 84, 4), dtype=np.uint8)


def sparse_network(experiment: config.ExperimentConfig, atoms: int = 1) -> tf_keras.Model:
    """Returns a network nineteen twentieths of whose weights are zero."""
    model = networks.build(experiment.network, num_actions=4, num_atoms=atoms)
    rng = np.random.default_rng(1)
    for weight in model.weights:
        value = weight.numpy()
        keep = rng.random(value.shape) >= 0.95
        weight.assign(value * 3 * keep if value.ndim > 1 else rng.normal(0, 0.05, value.shape))
    return model


def load(converted: tflite.Converted, path) -> Tflite:
    path.write_bytes(converted.content)
    return Tflite(path, delegates=converted.delegates)


@pytest.mark.parametrize(
    "changes", [{}, {"loss": "c51", "num_atoms": 11}, {"mixed_precision": True}], ids=str
)
def test_computes_the_network_in_float32(tmp_path, changes):
    experiment = config.replace(CONFIG, **changes)
    model = sparse_network(experiment, changes.get("num_atoms", 1))
    runtime = load(tflite.convert(model, experiment, int8=False), tmp_path / "model.tflite")
    outputs = runtime(OBSERVATIONS)
    expected = tflite.float32(model)(tf.constant(OBSERVATIONS)).numpy().astype(np.float64)
    if "num_atoms" in changes:
        shares = np.exp(expected - expected.max(-1, keepdims=True))
        expected = shares @ np.linspace(-10, 10, 11) / shares.sum(-1)
    np.testing.assert_allclose(outputs["q_values"], expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(outputs["actions"], expected.argmax(-1))
    one = np.concatenate([runtime(one[None])["q_values"] for one in OBSERVATIONS])
    np.testing.assert_allclose(one, outputs["q_values"], rtol=1e-5, atol=1e-5)
    assert runtime.inputs == {"observations": {"dtype": "uint8", "shape": [None, 84, 84, 4]}}
    assert runtime.outputs["q_values"] == {"dtype": "float32", "shape": [None, 4]}


def test_zeros_make_it_small_and_int8_smaller(tmp_path):
    model = sparse_network(CONFIG)
    dense = 4 * model.count_params()
    sizes = {}
    for int8 in (False, True):
        converted = tflite.convert(model, CONFIG, int8=int8)
        sizes[int8] = len(converted.content)
        runtime = load(converted, tmp_path / "model.tflite")
        expected = model(tf.constant(OBSERVATIONS)).numpy()
        found = runtime(OBSERVATIONS)["q_values"]
        np.testing.assert_allclose(found, expected, atol=(0.03 if int8 else 1e-5) * np.ptp(expected))
    assert sizes[False] < dense / 8 and sizes[True] < dense / 12  # the graph itself is tens of kilobytes
    full = networks.build(CONFIG.network, num_actions=4)
    assert tflite.convert(full, CONFIG, int8=True).delegates, "without zeros XNNPACK runs int8"


def wide_network(inputs: int) -> tf_keras.Model:
    """Returns a network whose dense layer has zeros in blocks of 16 inputs, nine tenths of them."""
    rng = np.random.default_rng(0)
    frames = tf_keras.Input((1, 1, inputs), dtype="float32")
    x = tf_keras.layers.Flatten()(tf_keras.layers.Rescaling(1 / 255)(frames))
    x = tf_keras.layers.Dense(32, activation="relu", name="dense")(x)
    model = tf_keras.Model(frames, tf_keras.layers.Dense(4, name="head")(x))
    blocks = rng.random((inputs // 16, 32)) >= 0.9
    kernel = model.get_layer("dense").kernel
    kernel.assign(rng.normal(size=kernel.shape) * np.kron(blocks, np.ones((16, 1))))
    model.get_layer("head").kernel.assign(rng.normal(size=(32, 4)))
    return model


@pytest.mark.parametrize("inputs", [4096, 4112, 11616])
def test_blocks_of_zeros_with_int8_are_right_however_wide(tmp_path, inputs):
    model, observations = wide_network(inputs), wide_observations(inputs)
    converted = tflite.convert(model, CONFIG, int8=True)
    assert not converted.delegates and len(converted.content) < inputs * 32 / 3
    found = verify(model, load(converted, tmp_path / "model.tflite"), observations)
    assert found.max_q_difference < 0.02 * found.q_range


def test_without_slices_the_fault_is_real_and_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tflite, "_narrow", lambda model: model)
    model, observations = wide_network(4112), wide_observations(4112)
    runtime = load(tflite.convert(model, CONFIG, int8=True), tmp_path / "model.tflite")
    found = verify(model, runtime, observations)
    assert found.max_q_difference > 0.2 * found.q_range
    with pytest.raises(UserError, match="disagrees with the float32 network in"):
        found.check("tflite_int8", int8=True, force=False)


def wide_observations(inputs: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (40, 1, 1, inputs), dtype=np.uint8)


def verify(model: tf_keras.Model, runtime: Tflite, observations: np.ndarray) -> verification.Verification:
    return verification.compare(
        lambda batch: model(tf.constant(batch)).numpy(), lambda one: runtime(one)["q_values"], observations
    )


@pytest.mark.slow
def test_width_3_is_12_times_smaller_and_24_times_with_int8():
    experiment = config.replace(CONFIG, width=3.0)
    dense = len(
        tflite.convert(networks.build(experiment.network, num_actions=4), experiment, int8=False).content
    )
    model = sparse_network(experiment)
    sparse, int8 = (tflite.convert(model, experiment, int8=int8).content for int8 in (False, True))
    assert dense == pytest.approx(27.3e6, rel=0.01)
    assert dense / len(sparse) >= 12 and dense / len(int8) >= 24
    assert len(gzip.compress(sparse)) < len(sparse)
