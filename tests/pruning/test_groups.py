"""Channels of convolutions and of residual streams: masks by brute force, through real gradient steps."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl.config import NetworkConfig
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.exporting.compact import compact
from tf_pruned_rl.networks import build, mlp
from tf_pruned_rl.pruning import Pruner, kernels
from tf_pruned_rl.pruning.distribution import kernel_sparsities
from tf_pruned_rl.pruning.groups import plan

STEPS, BEGIN, END, EVERY = 200, 20, 170, 25
FRAMES = np.random.default_rng(0).integers(0, 256, (256, 12, 12, 4)).astype(np.float32)
STACKS = [
    (f"stack{number}_conv", f"stack{number}_block1_conv2", f"stack{number}_block2_conv2")
    for number in (1, 2, 3)
]
INSIDE = [(f"stack{number}_block{block}_conv1",) for number in (1, 2, 3) for block in (1, 2)]
WHOLE = [*STACKS, *INSIDE]
"""The layers that write the same channels, by hand from the network's description."""


class Training:
    """A small ResNet that learns something, and its pruner."""

    def __init__(self, seed: int = 1, **settings: object) -> None:
        tf_keras.utils.set_random_seed(seed)
        config = NetworkConfig(network="impala", width=0.5)
        self.model = build(config, num_actions=3, frame_shape=FRAMES.shape[1:])
        self.pruner = Pruner(
            self.model,
            **{"sparsity": 0.7, "begin_step": BEGIN, "end_step": END, "every": EVERY, **settings},
        )
        self.optimizer = tf_keras.optimizers.legacy.Adam(1e-3)
        self.optimizer._create_all_weights(self.model.trainable_variables)
        self.checkpoint = tf.train.Checkpoint(model=self.model, pruner=self.pruner, optimizer=self.optimizer)

    @tf.function
    def learn(self, frames: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            target = tf.reduce_mean(frames[..., :3], [1, 2]) / 100 - 1
            loss = tf.reduce_mean((self.model(frames) - target) ** 2)
        variables = self.model.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    def steps(self, first: int, last: int, inspect=lambda step, before: None) -> None:
        prune = tf.function(self.pruner.after_gradient_step)
        for step in range(first, last + 1):
            self.learn(FRAMES[4 * step % 256 : 4 * step % 256 + 4])
            before = self.weights()
            prune(tf.constant(step, tf.int64))
            inspect(step, before)

    def weights(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        return {layer.name: layer.get_weights() for layer in self.model.layers if layer.weights}


def due(step: int) -> float | None:
    """Eq. 1 at the latest update, as a share of the final sparsity; None before the first."""
    updates = [*range(BEGIN, END, EVERY), END]
    latest = max((update for update in updates if update <= step), default=None)
    return None if latest is None else 1 - (1 - (latest - BEGIN) / (END - BEGIN)) ** 3


def alive(weights: dict, layers: tuple[str, ...]) -> np.ndarray:
    """Which channels have a weight or a bias in any of the layers."""
    alive_of = [
        (np.abs(kernel).sum((0, 1, 2)) + np.abs(bias)) > 0 for kernel, bias in (weights[n] for n in layers)
    ]
    return np.any(alive_of, axis=0)


@pytest.mark.parametrize("distribution", ["uniform", "erk"])
def test_channels_by_norm_through_200_gradient_steps(distribution):
    training = Training(
        shape="channel", dense_shape="block", block="16x1", dense_sparsity=0.9, distribution=distribution
    )
    shapes = {name: kernel.shape for name, (kernel, _) in training.weights().items()}
    final = kernel_sparsities(distribution, shapes, 0.7, 0.9)
    left = {layers: np.ones(shapes[layers[0]][-1], bool) for layers in WHOLE}
    previous: list[float | None] = [None]

    def inspect(step: int, before: dict) -> None:
        training.pruner.check(step)
        now, share = training.weights(), due(step)
        for layers in WHOLE:
            sizes = [np.prod(shapes[name]) for name in layers]
            sparsity = np.dot([final[name] for name in layers], sizes) / sum(sizes)
            channels = len(left[layers])
            if share is not None and share != previous[0]:
                norms = sum(np.square(before[name][0].astype(np.float64)).sum((0, 1, 2)) for name in layers)
                ranked = np.argsort(-np.where(left[layers], norms, -1.0))
                keep = max(1, round(channels * (1 - share * sparsity)))
                assert keep <= left[layers].sum()
                left[layers] = np.isin(np.arange(channels), ranked[:keep])
            for name in layers:
                kernel, bias = now[name]
                assert not kernel[..., ~left[layers]].any() and not bias[~left[layers]].any(), (step, name)
                np.testing.assert_array_equal(kernel[..., left[layers]], before[name][0][..., left[layers]])
                np.testing.assert_array_equal(bias[left[layers]], before[name][1][left[layers]])
        for name in ("dense", "head"):
            kernel = now[name][0]
            blocks = np.add.reduceat((kernel != 0).astype(int), range(0, len(kernel), 16), axis=0)
            assert set(np.unique(blocks)) <= {0, 16}
            if share is not None:
                assert abs((blocks > 0).sum() - blocks.size * (1 - share * final[name])) <= 1
        previous[0] = share

    training.steps(1, STEPS, inspect)
    # What has been pruned is what is taken out, where nothing else died by itself.
    result = compact(training.model)
    for layers in WHOLE:
        gone = set(np.flatnonzero(~left[layers]))
        assert gone and all(gone <= set(result.removed[name]) for name in layers)
    frames = FRAMES.astype(np.float32)
    expected, outputs = training.model(frames).numpy(), result.model(frames).numpy()
    assert np.abs(expected - outputs).max() <= 1e-5 * np.abs(expected).max()
    # The share of zeros is the scheduled one but for less than a channel in each stream.
    kernel_of = {name: kernel for name, (kernel, _) in training.weights().items() if kernel.ndim == 4}
    scheduled = sum(final[name] * kernel.size for name, kernel in kernel_of.items())
    slack = sum(kernel.size / kernel.shape[-1] / 2 for kernel in kernel_of.values())
    assert abs(sum((kernel == 0).sum() for kernel in kernel_of.values()) - scheduled) <= slack


def test_resumed_is_as_never_stopped(tmp_path):
    whole, resumed = Training(shape="channel", method="random"), Training(2, shape="channel", method="random")
    whole.steps(1, 60)
    path = whole.checkpoint.write(str(tmp_path / "half"))
    resumed.checkpoint.read(path).assert_consumed()
    for one in (whole, resumed):
        one.steps(61, 130)
    for (name, left), right in zip(whole.weights().items(), resumed.weights().values(), strict=True):
        for one, other in zip(left, right, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=name)
    assert not alive(whole.weights(), STACKS[2]).all()


def test_units_of_dense_layers_go_with_their_biases_and_outputs_never():
    model = mlp.actor(0.25, 7, 3)
    pruner = Pruner(model, sparsity=0.75, begin_step=1, end_step=2, shape="channel", distribution="uniform")
    for variable in model.trainable_variables:
        variable.assign(tf.random.stateless_normal(variable.shape, (1, 2)))
    pruner.after_gradient_step(2)
    pruner.check(2)
    for name in ("hidden1", "hidden2"):
        kernel, bias = model.get_layer(name).get_weights()
        assert np.array_equal(kernel.any(axis=0), bias != 0) and (bias != 0).sum() == 16
    kernel, bias = model.get_layer("output").get_weights()
    assert np.count_nonzero(kernel) == kernel.size / 4 and bias.all()
    # What no output reads any more, by single weights, goes as well.
    read = (kernel != 0).any(axis=1) & (model.get_layer("hidden2").bias.numpy() != 0)
    assert [layer.units for layer in compact(model).model.layers[1:]] == [16, read.sum(), 6]


def test_check_notices_a_bias_outside_its_mask():
    model = mlp.critic(0.25, 3, 1)
    pruner = Pruner(model, sparsity=0.5, begin_step=1, end_step=2, shape="channel")
    pruner.after_gradient_step(2)
    pruner.check(2)
    bias = model.get_layer("hidden2").bias
    bias.assign(tf.ones_like(bias))
    with pytest.raises(RuntimeError, match="hidden2: .* of its pruned weights are not zero"):
        pruner.check(2)


def test_averages_of_biases_are_masked_too():
    model, average = mlp.critic(0.25, 3, 1), mlp.critic(0.25, 3, 1)
    pairs = list(zip(average.variables, model.variables, strict=True))
    for variable in (*average.variables, *model.variables):
        variable.assign(tf.random.stateless_normal(variable.shape, (3, 4)))
    pruner = Pruner(model, sparsity=0.5, begin_step=1, end_step=2, shape="channel", averages=pairs)
    pruner.after_gradient_step(2)
    for copy, variable in pairs:
        np.testing.assert_array_equal(copy == 0, variable == 0)
    assert 0 < np.count_nonzero(average.get_layer("hidden2").bias == 0) < 64


def test_noisy_layers_lose_a_unit_of_mean_and_sigma_together():
    config = NetworkConfig(network="nature", width=0.25, noisy=True, dueling=True)
    model = build(config, num_actions=3, frame_shape=FRAMES.shape[1:])
    pruner = Pruner(model, sparsity=0.75, begin_step=1, end_step=2, shape="channel", distribution="uniform")
    pruner.after_gradient_step(2)
    dense = model.get_layer("dense")
    left = [np.reshape(weight, [-1, 512]).any(axis=0) for weight in dense.get_weights()]
    assert left[0].sum() == 128 and all(np.array_equal(left[0], one) for one in left[1:])
    assert not left[0].all() and np.count_nonzero(model.get_layer("value").kernel_sigma) == 512 / 4


def test_groups_of_a_network():
    model = build(NetworkConfig(network="impala", width=0.25), num_actions=3, frame_shape=FRAMES.shape[1:])
    of_model = kernels.find(model)
    groups = plan(of_model, "channel")
    assert {tuple(kernel.name for kernel in group.kernels) for group in groups} == {
        *WHOLE,
        ("dense",),
        ("head",),
    }
    assert {group.name: group.structure.unit for group in groups}["head"] == "weight"
    single = plan(of_model, "block", "channel")
    assert [group.kernels for group in single] == [(kernel,) for kernel in of_model]
    assert [group.structure.unit for group in single] == ["block"] * 15 + ["channel", "weight"]


def test_a_stream_with_a_dense_writer_loses_no_channel():
    model = build(NetworkConfig(network="impala", width=0.25), num_actions=3, frame_shape=FRAMES.shape[1:])
    selection = kernels.select({"online": kernels.find(model)}, exclude="stack2_block1_conv2")
    units = {group.name: group.structure.unit for group in plan(selection["online"], "channel")}
    assert units["stack2_conv"] == units["stack2_block2_conv2"] == "weight"
    assert units["stack2_block1_conv1"] == "channel" and "stack2_block1_conv2" not in units


def test_what_is_no_functional_network_is_refused():
    class Own(tf_keras.Model):
        def __init__(self) -> None:
            super().__init__(name="own")
            self.dense = tf_keras.layers.Dense(3)

        def call(self, inputs):
            return self.dense(inputs)

    model = Own()
    model(np.zeros((1, 4), np.float32))
    with pytest.raises(UserError, match="own is no functional Keras model"):
        Pruner(model, sparsity=0.5, begin_step=1, end_step=2, shape="channel")
    Pruner(model, sparsity=0.5, begin_step=1, end_step=2)
