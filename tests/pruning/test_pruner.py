"""The pruner on small networks and on TF-Agents' agents: exact sparsity after every gradient step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import config as configuration
from tf_pruned_rl import pruning
from tf_pruned_rl.agents.optimizer import Adam
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.pruning import NoPruner, Pruner
from tf_pruned_rl.pruning.distribution import erk

layers = tf_keras.layers
BEGIN, END, EVERY = 5, 42, 10
UPDATES = (5, 15, 25, 35, 42)


def _model() -> tf_keras.Model:
    return tf_keras.Sequential(
        [
            layers.Conv2D(4, 3, name="conv", activation="relu", input_shape=(8, 8, 2)),
            layers.Flatten(),
            layers.Dense(16, name="dense", activation="relu"),
            layers.Dense(3, name="head", dtype="float32"),
        ]
    )


def _trained(pruner_of, steps: int, jit: bool = False, inspect=lambda step, model, pruner: None):
    """Trains a small network under one tf.function; ``inspect`` is called after every step."""
    tf_keras.utils.set_random_seed(1)
    model = _model()
    pruner = pruner_of(model)
    optimizer = tf_keras.optimizers.legacy.Adam(0.01)
    optimizer._create_all_weights(model.trainable_variables)
    count = tf.Variable(0, dtype=tf.int64)

    @tf.function(jit_compile=jit)
    def train(x: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((tf.cast(model(x), tf.float32) - tf.reduce_mean(x)) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        pruner.after_gradient_step(count.assign_add(1))

    for x in np.random.default_rng(0).normal(size=(steps, 4, 8, 8, 2)).astype(np.float32):
        train(tf.constant(x))
        inspect(int(count), model, pruner)
    return model, pruner, optimizer


def _trained_by_our_adam(method: str, steps: int, attach: bool):
    """The same with our Adam, to which the pruner is attached, or by calls after each step."""
    tf_keras.utils.set_random_seed(1)
    model = _model()
    pruner, optimizer = _pruner(model, method=method), Adam(learning_rate=0.01, epsilon=1e-5)
    optimizer.build(model.trainable_variables)
    if attach:
        pruner.attach([optimizer])
    count = tf.Variable(0, dtype=tf.int64)

    @tf.function
    def train(x: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x) - tf.reduce_mean(x)) ** 2)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        if attach:
            pruner.update_masks(count.assign_add(1))
        else:
            pruner.after_gradient_step(count.assign_add(1))

    for x in np.random.default_rng(0).normal(size=(steps, 4, 8, 8, 2)).astype(np.float32):
        train(tf.constant(x))
        pruner.check(int(count))
    return model, pruner, optimizer


def _pruner(model: object, **changes) -> Pruner:
    return Pruner(model, **{"sparsity": 0.9, "begin_step": BEGIN, "end_step": END, "every": EVERY, **changes})


def _kernels(model: tf_keras.Model) -> dict[str, np.ndarray]:
    return {layer.name: layer.kernel.numpy() for layer in model.layers if hasattr(layer, "kernel")}


def _scheduled_zeros(step: int, shapes: dict[str, tuple[int, ...]]) -> dict[str, int]:
    """Zeros per kernel after ``step`` gradient steps: Eq. 1 at the latest update, shared by ERK."""
    latest = max((update for update in UPDATES if update <= step), default=None)
    zeros = {}
    for name, final in erk(shapes, 0.9).items():
        share = 0.0 if latest is None else final * (1 - (1 - (latest - BEGIN) / (END - BEGIN)) ** 3)
        size = int(np.prod(shapes[name]))
        zeros[name] = size - max(1, round(size * (1 - share)))
    return zeros


@pytest.mark.parametrize(
    ("precision", "jit"), [("float32", False), ("mixed_bfloat16", False), ("mixed_bfloat16", True)]
)
def test_exactly_sparse_after_every_step(precision: str, jit: bool) -> None:
    before: dict[str, np.ndarray] = {}

    def inspect(step: int, model: tf_keras.Model, pruner: Pruner) -> None:
        now = _kernels(model)
        expected = _scheduled_zeros(step, {name: kernel.shape for name, kernel in now.items()})
        for name, kernel in now.items():
            assert np.count_nonzero(kernel == 0) == expected[name], (step, name)
            assert not np.signbit(kernel[kernel == 0]).any(), "negative zeros do not compress"
            if step not in (1, *UPDATES):
                np.testing.assert_array_equal(kernel == 0, before[name] == 0)
            if step > 1:
                assert not (before[name] == 0)[kernel != 0].any(), "a pruned weight came back"
        before.update(now)
        pruner.check(step)

    tf_keras.mixed_precision.set_global_policy(precision)
    try:
        model, pruner, _ = _trained(_pruner, 60, jit, inspect)
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    assert pruner.sparsity() == pytest.approx(0.9, abs=3 / 2424)
    assert {kernel.dtype for kernel in _kernels(model).values()} == {np.dtype(np.float32)}


def test_smallest_weights_after_the_step_go() -> None:
    model = _model()
    pruner = _pruner(model, begin_step=1, end_step=2, distribution="uniform")
    for step in (1, 2):
        for layer in model.layers:
            if hasattr(layer, "kernel"):
                layer.kernel.assign_add(tf.random.stateless_normal(layer.kernel.shape, (step, 2)))
        before = _kernels(model)
        pruner.after_gradient_step(step)
    for name, kernel in _kernels(model).items():
        order = np.argsort(-np.abs(before[name]).ravel(), kind="stable")
        order = order[: max(1, round(kernel.size * (1 - 0.9)))]
        expected = np.zeros(kernel.size, np.float32)
        expected[order] = before[name].ravel()[order]
        np.testing.assert_array_equal(kernel, expected.reshape(kernel.shape))
        assert pruner.thresholds()[name] == np.abs(expected[order]).min()


def test_adam_slots_are_not_masked() -> None:
    model, _, optimizer = _trained(_pruner, 45)
    dense = model.get_layer("dense").kernel
    pruned = dense.numpy() == 0
    assert np.count_nonzero(optimizer.get_slot(dense, "m").numpy()[pruned]) > 0


@pytest.mark.parametrize("method", ["magnitude", "static", "set"])
def test_weights_and_masks_are_the_same_with_an_attached_optimizer(method: str) -> None:
    """To the last bit. Adam forgets what is pruned for good, and remembers what may come back."""
    model, pruner, optimizer = _trained_by_our_adam(method, steps=END + 3, attach=True)
    plain, other, _ = _trained_by_our_adam(method, steps=END + 3, attach=False)
    for attached, separate in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(attached, separate)
    assert pruner.sparsity() == other.sparsity() > 0.85
    for ref, mask in pruner.masks().items():
        pruned = optimizer.first_moments()[ref].numpy()[mask.numpy() == 0]
        assert np.any(pruned) == (method == "set")


def test_a_missed_update_is_made_at_the_next_call() -> None:
    model = _model()
    pruner = _pruner(model)
    for step in (3, 10, 20, 40, 50):
        pruner.after_gradient_step(step)
        pruner.check(step)
    assert pruner.sparsity() == pytest.approx(0.9, abs=3 / 2424)


def test_masks_are_frozen_after_the_end() -> None:
    model = _model()
    pruner = _pruner(model)
    pruner.after_gradient_step(END)
    before = [variable.numpy() for variable in pruner.variables]
    for variable in model.trainable_weights:
        variable.assign(variable * 3.0)
    pruner.after_gradient_step(END + EVERY)
    for variable, value in zip(pruner.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_the_network_does_not_change() -> None:
    model = _model()
    variables, config, outputs = len(model.variables), model.get_config(), model(tf.ones((1, 8, 8, 2)))
    _pruner(model)
    assert len(model.variables) == variables
    assert model.get_config() == config
    np.testing.assert_array_equal(model(tf.ones((1, 8, 8, 2))), outputs)


def test_check_notices_a_weight_outside_its_mask() -> None:
    model, pruner, _ = _trained(_pruner, 44)
    pruner.check(44)
    kernel = model.get_layer("dense").kernel
    value = kernel.numpy()
    value[tuple(np.argwhere(value == 0)[0])] = 1e-3
    kernel.assign(value)
    with pytest.raises(RuntimeError, match="dense: 1 of its pruned weights"):
        pruner.check(44)


def test_check_notices_a_mask_off_the_schedule() -> None:
    _, pruner, _ = _trained(_pruner, 44)
    with pytest.raises(RuntimeError, match="the schedule"):
        pruner.check(24)
    _, late, _ = _trained(lambda model: _pruner(model, begin_step=100, end_step=200), 3)
    with pytest.raises(RuntimeError, match="the schedule"):
        late.check(150)


def test_names_of_summaries_and_targets() -> None:
    model, pruner, _ = _trained(_pruner, 20)
    values = pruner.summaries(20)
    names = ("total", "conv", "dense", "head")
    for kind in ("sparsity", "parameters_left", "macs_left"):
        assert {f"{kind}/{name}" for name in names} <= values.keys()
    assert {f"threshold/{name}" for name in names[1:]} <= values.keys()
    assert values["sparsity/target"] == pytest.approx(0.9 * (1 - (1 - 15 / 37) ** 3), abs=2e-3)
    assert values["sparsity/total"] == pruner.sparsity()
    assert pruner.layer_sparsity() == {name: values[f"sparsity/{name}"] for name in names[1:]}
    assert [row["layer"] for row in pruner.table()] == list(names[1:])


@pytest.mark.parametrize("whole", [True, False])
def test_checkpoint_round_trip(whole: bool, tmp_path: Path) -> None:
    model, pruner, _ = _trained(_pruner, 27)
    state = {"pruner": pruner} if whole else pruner.trackables()
    path = tf.train.Checkpoint(model=model, **state).write(str(tmp_path / "state"))
    other = _model()
    restored = _pruner(other)
    state = {"pruner": restored} if whole else restored.trackables()
    tf.train.Checkpoint(model=other, **state).read(path).assert_consumed()
    for name, variable in pruner.trackables().items():
        np.testing.assert_array_equal(restored.trackables()[name], variable)
    restored.check(27)
    for one in (pruner, restored):
        one.after_gradient_step(35)
    for name, kernel in _kernels(model).items():
        np.testing.assert_array_equal(_kernels(other)[name], kernel)


def test_no_pruner_does_nothing_and_reports(caplog: pytest.LogCaptureFixture) -> None:
    pruned_by_nothing, pruner, _ = _trained(NoPruner, 12)
    assert pruner.next_update(12) is None
    dense, _, _ = _trained(lambda model: _pruner(model, begin_step=1000, end_step=2000), 12)
    for name, kernel in _kernels(dense).items():
        np.testing.assert_array_equal(_kernels(pruned_by_nothing)[name], kernel)
    assert "AutoGraph" not in caplog.text
    pruner.check(12)
    assert pruner.sparsity() == 0.0
    assert pruner.trackables() == {} and pruner.variables == ()
    assert pruner.summaries(12)["parameters_left/total"] == 72 + 2304 + 48
    assert pruner.summaries(12).keys() == _pruner(_model()).summaries(12).keys()


@pytest.mark.parametrize(
    ("choice", "pruned"),
    [
        ({"prune_layers": "dense,head"}, ["dense", "head"]),
        ({"prune_layers": "*e*", "exclude": "head"}, ["dense"]),
        ({"exclude": lambda layer: isinstance(layer, layers.Conv2D)}, ["dense", "head"]),
    ],
)
def test_only_the_chosen_layers_are_pruned_and_share_the_zeros(choice, pruned) -> None:
    model = _model()
    pruner = _pruner(model, **choice)
    before = _kernels(model)
    pruner.after_gradient_step(END)
    pruner.check(END)
    final = erk({name: before[name].shape for name in pruned}, 0.9)
    for name, kernel in _kernels(model).items():
        if name in pruned:
            assert np.count_nonzero(kernel) == max(1, round(kernel.size * (1 - final[name])))
        else:
            np.testing.assert_array_equal(kernel, before[name])
    assert [row["layer"] for row in pruner.table()] == pruned
    assert pruner.sparsity() == pytest.approx(0.9, abs=1e-3)
    # The report on the whole network has the dense layers too.
    rows, target = pruner.report(model, END)
    assert [row["layer"] for row in rows] == ["conv", "dense", "head"] and rows[0]["sparsity"] == 0.0
    size = {row["layer"]: row["parameters"] for row in rows}
    assert target == pytest.approx(0.9 * sum(size[name] for name in pruned) / sum(size.values()), abs=1e-3)


def test_a_mapping_of_networks_each_with_the_sparsity() -> None:
    networks = {"actor": _model(), "critic": _model()}
    pruner = _pruner(networks, prune_layers="actor/dense,critic/*")
    pruner.after_gradient_step(END)
    names = [row["layer"] for row in pruner.table()]
    assert names == ["actor/dense", "critic/conv", "critic/dense", "critic/head"]
    assert pruner.layer_sparsity()["actor/dense"] == pytest.approx(0.9, abs=1e-3)
    assert not (networks["actor"].get_layer("conv").kernel.numpy() == 0).any()


def _config(**changes) -> configuration.ExperimentConfig:
    return configuration.replace(configuration.preset("dqn"), **changes)


def test_create_takes_the_published_steps() -> None:
    pruner = pruning.create(_config(), {"online": _model()})
    assert pruner.next_update(0) == 500_000
    for step, following in ((500_000, 501_000), (1_999_500, 2_000_000), (2_000_000, None)):
        pruner.after_gradient_step(step)
        assert pruner.next_update(step) == following
    assert isinstance(pruning.create(_config(pruning="none"), {"online": _model()}), NoPruner)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pruning": "ranom"}, "is not one of magnitude, random, static, set, rigl"),
        ({"sparsity": 1.0}, "sparsity is 1.0"),
        ({"prune_start": 0.8, "prune_end": 0.2}, "end after it begins"),
        ({"distribution": "layerwise"}, "is not one of erk, uniform, global"),
        ({"structure": "blok"}, "is not one of unstructured, block, channel, n_m"),
        ({"prune_every": 0}, "every 0"),
    ],
)
def test_create_refuses(changes: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=says):
        pruning.create(_config(**changes), {"online": _model()})
