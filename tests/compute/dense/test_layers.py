"""Each implementation against Keras's own layer, and whole networks against the plain model."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import compute, networks, pruning
from tf_pruned_rl.compute import StepState, dense
from tf_pruned_rl.config import NetworkConfig
from tf_pruned_rl.networks.noisy import NoisyDense

K = tf_keras.layers
# Of one layer each, and of a layer with the one that reads it.
LAYERS = {
    "convolution": ((9, 9, 4), lambda: [K.Conv2D(5, 3, 2, "same", activation="relu")]),
    "valid": ((9, 9, 4), lambda: [K.Conv2D(5, 3, 1, "valid", activation="relu")]),
    "pooled": ((9, 9, 4), lambda: [K.Conv2D(5, 3, 1, "same"), K.MaxPool2D(3, 2, "same")]),
    "dense": ((7,), lambda: [K.Dense(5, activation="relu")]),
    "noisy": ((7,), lambda: [NoisyDense(5, "relu")]),
}


def _model(name: str, dtype: str) -> tf_keras.Model:
    """Returns a model of these layers, no bias 0."""
    shape, layers = LAYERS[name]
    with_policy = [type(layer).from_config(layer.get_config() | {"dtype": dtype}) for layer in layers()]
    model = tf_keras.Sequential([tf_keras.Input(shape), *with_policy])
    rng = np.random.default_rng(2)
    model.set_weights([rng.normal(0, 0.3, weight.shape) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize("step", [True, False], ids=["in a gradient step", "alone"])
@pytest.mark.parametrize("graph", [True, False], ids=["graph", "eager"])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("name", LAYERS)
def test_values_and_all_gradients_are_those_of_keras(name, dtype, graph, step, assert_close) -> None:
    # The same products in the same precision, but for the bias's gradient in float32.
    model = _model(name, dtype)
    computation = compute.optimized(model)
    assert computation.plan.keys() == set(model.layers)
    x = tf.constant(np.random.default_rng(3).normal(0, 1, (6, *model.input_shape[1:])), tf.float32)

    def everything(network, **arguments) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = network(x, **arguments)
            loss = tf.reduce_sum(tf.cast(y, tf.float32) ** 2)
        return [y, *tape.gradient(loss, [x, *model.trainable_variables], unconnected_gradients="zero")]

    def ours() -> list[tf.Tensor]:
        return everything(computation, state=StepState() if step else None)

    def keras() -> list[tf.Tensor]:
        return everything(model)

    assert_close(*(tf.function(each)() if graph else each() for each in (ours, keras)), tolerance=1e-5)


def test_noise_is_drawn_in_training_alone_and_from_the_layers_generator() -> None:
    model = _model("noisy", "float32")
    computation, generator = compute.optimized(model), model.layers[-1].generator
    x = tf.ones([2, 7])
    state = generator.state.numpy()
    np.testing.assert_array_equal(computation(x), model(x))
    np.testing.assert_array_equal(generator.state, state)
    ours = computation(x, training=True)
    generator.state.assign(state)
    np.testing.assert_allclose(ours, model(x, training=True), rtol=1e-6)
    assert np.abs(ours - model(x)).max() > 1e-3


@pytest.mark.parametrize(
    "layer",
    [
        K.Conv2D(4, 3, use_bias=False),
        K.SeparableConv2D(4, 3),
        K.Conv2DTranspose(4, 3),
        K.AveragePooling2D(),
        K.Dense(4),  # of an image: a product of more than two axes
        K.BatchNormalization(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_what_is_not_known_is_computed_by_keras(layer: tf_keras.layers.Layer) -> None:
    model = tf_keras.Sequential([tf_keras.Input((8, 8, 3)), layer])
    assert dense.plan(model) == {}
    x = tf.random.stateless_normal([2, 8, 8, 3], seed=(1, 2))
    np.testing.assert_array_equal(compute.optimized(model)(x), model(x))


@pytest.mark.parametrize("mixed_precision", [False, True])
@pytest.mark.parametrize(
    "settings",
    [{"network": "impala"}, {"network": "nature", "dueling": True}, {"network": "minatar"}],
    ids=str,
)
def test_a_network_has_the_values_and_gradients_of_the_plain_model(
    settings: dict, mixed_precision: bool, assert_close
) -> None:
    # Sums over images are split differently; in bfloat16 each part's gradient is rounded (8 bits).
    shape = (10, 10, 4) if settings["network"] == "minatar" else (84, 84, 4)
    config = NetworkConfig(**settings, width=0.25, mixed_precision=mixed_precision)
    model = networks.build(config, num_actions=3, frame_shape=shape)
    computation = compute.optimized(model)
    x = tf.random.stateless_uniform([32, *shape], maxval=255.0, seed=(3, 4))

    def everything(network, **arguments) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            values = network(x, training=True, **arguments)
            loss = tf.reduce_mean(values**2)
        return [values, *tape.gradient(loss, model.trainable_variables)]

    ours = tf.function(lambda: everything(computation, state=StepState()))()
    assert_close(ours, tf.function(lambda: everything(model))(), 3e-2 if mixed_precision else 1e-5)


def test_a_pruned_network_is_computed_as_sparse_as_it_is() -> None:
    model = tf_keras.Sequential([tf_keras.Input((9, 9, 4)), K.Conv2D(5, 3), K.Flatten(), K.Dense(4)])
    computation = compute.optimized(model)
    pruner = pruning.Pruner(model, sparsity=0.5, begin_step=0, end_step=1, every=1)
    pruner.after_gradient_step(tf.constant(1))
    x = tf.random.stateless_normal([2, 9, 9, 4], seed=(1, 2))
    np.testing.assert_allclose(computation(x), model(x), rtol=1e-5, atol=1e-6)


def test_it_can_be_saved(tmp_path) -> None:
    model = _model("pooled", "float32")
    module = tf.Module()
    module.model = model
    spec = tf.TensorSpec([None, 9, 9, 4])
    computation = compute.optimized(model)
    module.serve = tf.function(lambda x: computation(x), input_signature=[spec])
    tf.saved_model.save(module, str(tmp_path / "model"))
    x = tf.random.stateless_normal([2, 9, 9, 4], seed=(1, 2))
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    np.testing.assert_allclose(loaded.serve(x), model(x), rtol=1e-5)


@pytest.mark.parametrize("batch", [2, None])
def test_graph_fusions_do_not_fail_on_residual_additions(capfd, fused, batch: int | None) -> None:
    computation = compute.optimized(
        networks.build(NetworkConfig(network="impala", width=0.25), num_actions=6)
    )
    values = tf.function(lambda x: computation(x), input_signature=[tf.TensorSpec([batch, 84, 84, 4])])
    values(tf.zeros([2, 84, 84, 4]))
    assert "remapper failed" not in capfd.readouterr().err
