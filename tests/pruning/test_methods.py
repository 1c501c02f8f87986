"""Random, static, SET, RigL and global pruning: what moves, what stays, and exact sparsity through it all."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import config
from tf_pruned_rl.config import validation
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.pruning import Pruner, criterion, methods
from tf_pruned_rl.pruning.distribution import erk
from tf_pruned_rl.pruning.schedule import CubicSparsity
from tf_pruned_rl.registry import DISTRIBUTIONS, PRUNING_METHODS, STRUCTURES

BEGIN, END, EVERY = 4, 40, 4
SHAPES = {"one": (12, 30), "two": (30, 20), "head": (20, 3)}


def pruned_model(method: str, **changes) -> tuple[tf_keras.Model, Pruner]:
    tf_keras.utils.set_random_seed(3)
    layers = [
        tf_keras.layers.Dense(shape[1], name=name, activation=None if name == "head" else "relu")
        for name, shape in SHAPES.items()
    ]
    model = tf_keras.Sequential([tf_keras.Input((12,)), *layers])
    settings = {"sparsity": 0.7, "begin_step": BEGIN, "end_step": END, "every": EVERY, "method": method}
    return model, Pruner(model, **{**settings, **changes})


def masks(pruner: Pruner) -> dict[str, np.ndarray]:
    return {ref.deref().name.split("/")[0]: mask.numpy() != 0 for ref, mask in pruner.masks().items()}


def gradients_at(step: int, model: tf_keras.Model) -> dict[object, tf.Tensor]:
    """Some numbers in the place of gradients, the same for the same step."""
    rng = np.random.default_rng(step)
    return {
        layer.kernel.ref(): tf.constant(rng.normal(size=layer.kernel.shape), tf.float32)
        for layer in model.layers
    }


def run(
    model: tf_keras.Model, pruner: Pruner, steps: int, inspect=lambda step, before, weights: None
) -> None:
    """Moves every weight at random, as an optimizer would, and calls the pruner after each step."""

    @tf.function
    def prune(step: tf.Tensor, gradients: dict[str, tf.Tensor]) -> None:
        by_variable = {layer.kernel.ref(): gradients[layer.name] for layer in model.layers}
        pruner.after_gradient_step(step, lambda: by_variable)

    rng = np.random.default_rng(9)
    for step in range(1, steps + 1):
        before = masks(pruner)
        for layer in model.layers:
            layer.kernel.assign_add(rng.normal(0, 0.3, layer.kernel.shape))
        weights = {layer.name: layer.kernel.numpy() for layer in model.layers}
        gradients = {layer.name: gradients_at(step, model)[layer.kernel.ref()] for layer in model.layers}
        prune(tf.constant(step, tf.int64), gradients)
        pruner.check(step)
        for layer in model.layers:
            assert not layer.kernel.numpy()[~masks(pruner)[layer.name]].any()
        inspect(step, before, weights)


@pytest.mark.parametrize("method", ["static", "set", "rigl"])
def test_sparse_from_the_start_with_the_same_number_in_each_layer(method):
    model, pruner = pruned_model(method)
    kept = {name: round(np.prod(SHAPES[name]) * (1 - share)) for name, share in erk(SHAPES, 0.7).items()}
    assert {name: mask.sum() for name, mask in masks(pruner).items()} == kept
    updates = []

    def inspect(step, before, weights):
        now = masks(pruner)
        assert {name: mask.sum() for name, mask in now.items()} == kept
        if any((now[name] != before[name]).any() for name in now):
            updates.append(step)

    run(model, pruner, 48, inspect)
    # At the last updates the share to drop rounds to no weight at all.
    assert updates == [] if method == "static" else updates[:6] == [4, 8, 12, 16, 20, 24]
    assert set(updates) <= set(range(BEGIN, END + 1, EVERY))


def test_rigl_grows_where_the_gradient_is_largest_and_drops_the_smallest():
    model, pruner = pruned_model("rigl")
    updates = []

    def inspect(step, before, weights):
        now = masks(pruner)
        if step % EVERY or step > END:
            return
        for layer in model.layers:
            kept, name = before[layer.name], layer.name
            number = int(0.15 * (1 + np.cos(np.pi * step / END)) * kept.sum())
            size = np.where(kept, np.abs(weights[name]), np.inf).ravel()
            rest = kept.copy()
            rest.ravel()[np.argsort(size, kind="stable")[:number]] = False
            slope = np.where(rest, -1, np.abs(gradients_at(step, model)[layer.kernel.ref()].numpy())).ravel()
            rest.ravel()[np.argsort(-slope, kind="stable")[:number]] = True
            np.testing.assert_array_equal(now[name], rest)
            grown = now[name] & ~kept
            assert not layer.kernel.numpy()[grown].any(), "what has grown starts from 0"
            updates.append(grown.sum())

    run(model, pruner, 44, inspect)
    assert sum(updates) > 50


def test_set_drops_the_smallest_and_grows_by_chance():
    model, pruner = pruned_model("set")
    sizes = []

    def inspect(step, before, weights):
        now = masks(pruner)
        if step % EVERY or step > END:
            return
        for layer in model.layers:
            kept, name = before[layer.name], layer.name
            number = int(0.15 * (1 + np.cos(np.pi * step / END)) * kept.sum())
            size = np.where(kept, np.abs(weights[name]), np.inf).ravel()
            rest = kept.copy()
            rest.ravel()[np.argsort(size, kind="stable")[:number]] = False
            assert now[name][rest].all() and (now[name] & ~rest).sum() == number
            grown = now[name] & ~kept
            assert not layer.kernel.numpy()[grown].any(), "what has grown starts from 0"
            if grown.any():
                left = np.abs(weights[name])
                sizes.append(left[grown].mean() / left[~kept].mean())

    run(model, pruner, 44, inspect)
    # What the optimizer has left on weights that are not there does not say who comes.
    assert len(sizes) > 10 and np.mean(sizes) == pytest.approx(1, abs=0.2)


def test_rigl_without_gradients_says_what_is_missing():
    _, pruner = pruned_model("rigl")
    with pytest.raises(UserError, match="call after_gradient_step"):
        pruner.after_gradient_step(BEGIN)


def test_gradients_are_computed_at_updates_only():
    model, pruner = pruned_model("rigl")
    steps = []

    def gradients():
        steps.append(step)
        return gradients_at(0, model)

    for step in range(1, 50):
        pruner.after_gradient_step(step, gradients)
    assert steps == list(range(BEGIN, END + 1, EVERY))


@criterion.needs_gradients
def saliency(inputs: criterion.ScoreInputs) -> tf.Tensor:
    """Returns |weight * gradient|: the criterion of docs/cookbook.md."""
    return criterion.magnitude(inputs) * criterion.gradient(inputs)


def undeclared(inputs: criterion.ScoreInputs) -> tf.Tensor:
    return criterion.gradient(inputs)


@pytest.fixture
def own_methods():
    """Registers methods for one test."""
    names = []

    def register(name: str, method: methods.Method) -> None:
        PRUNING_METHODS.register(name, method)
        names.append(name)

    yield register
    for name in names:
        PRUNING_METHODS.remove(name)


def test_a_new_criterion_may_use_gradients(own_methods):
    own_methods("saliency", methods.Method(CubicSparsity, saliency))
    model, pruner = pruned_model("saliency", distribution="uniform")
    updates = []

    def inspect(step, before, weights):
        if step not in range(BEGIN, END + 1, EVERY):
            return
        sparsity = 0.7 * (1 - (1 - (step - BEGIN) / (END - BEGIN)) ** 3)
        for layer in model.layers:
            mask, gradient = before[layer.name], gradients_at(step, model)[layer.kernel.ref()].numpy()
            scores = np.where(mask, np.abs(weights[layer.name]) * np.abs(gradient), -1).ravel()
            expected = np.zeros(mask.size, bool)
            expected[np.argsort(-scores, kind="stable")[: round(mask.size * (1 - sparsity))]] = True
            np.testing.assert_array_equal(masks(pruner)[layer.name], expected.reshape(mask.shape))
        updates.append(step)

    run(model, pruner, 44, inspect)
    assert updates == list(range(BEGIN, END + 1, EVERY))
    assert pruner.sparsity() == pytest.approx(0.7, abs=2e-3)
    with pytest.raises(UserError, match="saliency scores weights by their gradients"):
        pruned_model("saliency")[1].after_gradient_step(BEGIN)


def test_a_criterion_must_declare_that_it_uses_gradients(own_methods):
    own_methods("undeclared", methods.Method(CubicSparsity, undeclared))
    model, pruner = pruned_model("undeclared")
    with pytest.raises(UserError, match="decorate it with @criterion.needs_gradients"):
        pruner.after_gradient_step(BEGIN, lambda: gradients_at(BEGIN, model))
    needs = {name: PRUNING_METHODS[name].needs_gradients for name in PRUNING_METHODS}
    assert {name for name, value in needs.items() if value} == {"rigl"}


def test_random_pruning_never_brings_back_and_does_not_look_at_the_size():
    model, pruner = pruned_model("random", distribution="uniform")
    sizes = []

    def inspect(step, before, weights):
        now = masks(pruner)
        for name in now:
            assert not (now[name] & ~before[name]).any()
        gone = before["two"] & ~now["two"]
        if gone.any():
            sizes.append(np.abs(weights["two"])[gone].mean() / np.abs(weights["two"])[before["two"]].mean())

    run(model, pruner, 44, inspect)
    assert pruner.sparsity() == pytest.approx(0.7, abs=2e-3)
    assert np.mean(sizes) == pytest.approx(1, abs=0.15)


def test_global_pruning_takes_the_smallest_of_all_kernels():
    model, pruner = pruned_model("magnitude", distribution="global", begin_step=1, end_step=2, every=1)
    model.get_layer("two").kernel.assign(10 * model.get_layer("two").kernel)
    before = {layer.name: layer.kernel.numpy() for layer in model.layers}
    pruner.after_gradient_step(2)
    keep = round(0.3 * 1020)
    threshold = np.sort(np.concatenate([np.abs(k).ravel() for k in before.values()]))[-keep]
    for name, mask in masks(pruner).items():
        expected = np.abs(before[name]) >= threshold
        if expected.any():
            np.testing.assert_array_equal(mask, expected)
        else:
            assert mask.sum() == 1  # no kernel is emptied
    pruner.check(2)


def test_random_state_is_saved_and_seeds_differ(tmp_path):
    model, pruner = pruned_model("set", seed=1)
    other, again = pruned_model("set", seed=2)
    assert any((masks(pruner)[n] != masks(again)[n]).any() for n in SHAPES)
    path = tf.train.Checkpoint(model=model, **pruner.trackables()).write(str(tmp_path / "state"))
    tf.train.Checkpoint(model=other, **again.trackables()).read(path).assert_consumed()
    for one in (pruner, again):
        one.after_gradient_step(BEGIN)
    for name, mask in masks(pruner).items():
        np.testing.assert_array_equal(masks(again)[name], mask)


def test_a_kept_weight_of_zero_does_not_count_as_pruned():
    model, pruner = pruned_model("magnitude", begin_step=1, end_step=3, every=1, distribution="uniform")
    pruner.after_gradient_step(2)
    kept = masks(pruner)["one"]
    model.get_layer("one").kernel.assign(tf.zeros(SHAPES["one"]))
    pruner.after_gradient_step(3)
    assert not (masks(pruner)["one"] & ~kept).any()
    pruner.check(3)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pruning": "rigl", "distribution": "global"}, "use erk or uniform"),
        ({"pruning": "set", "structure": "block"}, "drops and grows single weights"),
        ({"structure": "block", "distribution": "global"}, "compares single weights"),
        ({"pruning": "rigl", "dense_structure": "channel"}, "drops and grows single weights"),
        ({"structure": "channel", "distribution": "global"}, "compares single weights"),
        ({"dense_sparsity": 0.9, "distribution": "global"}, "leave out --dense_sparsity"),
        (
            {"dense_sparsity": 1.0},
            r"--dense_sparsity=1.0 must be in \[0, 1\); 0: dense layers have no sparsity of their own",
        ),
        ({"structure": "n_m"}, "--sparsity=0.5"),
        ({"dense_structure": "n_m", "sparsity": 0.5, "dense_sparsity": 0.6}, "--sparsity=0.5"),
    ],
)
def test_what_does_not_go_together_is_refused(changes, says):
    with pytest.raises(UserError, match=says):
        validation.validate(config.replace(config.preset("dqn"), **changes))


def test_words_are_those_of_the_registries():
    for kind in config.CONFIGS:
        words = validation.choices(kind)
        assert set(words["pruning"]) == {*PRUNING_METHODS, "none"}
        assert set(words["distribution"]) == set(DISTRIBUTIONS)
        assert set(words["structure"]) == set(STRUCTURES)
        assert set(words["dense_structure"]) == {*STRUCTURES, "same"}
    assert set(PRUNING_METHODS) == {"magnitude", "random", "static", "set", "rigl"}
    assert set(DISTRIBUTIONS) == {"erk", "uniform", "global"}
    assert set(STRUCTURES) == {"unstructured", "block", "channel", "n_m"}


@pytest.mark.parametrize("name", PRUNING_METHODS)
def test_facts_are_those_of_the_method(name):
    method = PRUNING_METHODS[name]
    assert isinstance(method, methods.Method)
    assert PRUNING_METHODS.fact(name, "starts_sparse", False) == method.starts_sparse
    assert PRUNING_METHODS.fact(name, "regrows", False) == (method.grow is not None)
