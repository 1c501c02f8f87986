"""Random, static, SET, RigL and global pruning: what moves, what stays, and exact sparsity through it all."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import config
from tf_pruned_rl.config import combinations, validation
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.pruning import Pruner, methods
from tf_pruned_rl.pruning.distribution import DISTRIBUTIONS, erk
from tf_pruned_rl.pruning.structure import STRUCTURES

BEGIN, END, EVERY = 4, 40, 4
SHAPES = {"one": (12, 30), "two": (30, 20), "head": (20, 3)}


def made(method: str, **changes) -> tuple[tf_keras.Model, Pruner]:
    tf_keras.utils.set_random_seed(3)
    layers = [
        tf_keras.layers.Dense(shape[1], name=name, activation=None if name == "head" else "relu")
        for name, shape in SHAPES.items()
    ]
    model = tf_keras.Sequential([tf_keras.Input((12,)), *layers])
    settings = {"sparsity": 0.7, "begin_step": BEGIN, "end_step": END, "every": EVERY, "method": method}
    return model, Pruner(model, **{**settings, **changes})


def masks(pruner: Pruner) -> dict[str, np.ndarray]:
    return {one.kernel.name: one.mask.numpy() != 0 for one in pruner._masked}


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
    """Moves every weight at random, as an optimizer would, and lets the pruner follow."""

    @tf.function
    def follow(step: tf.Tensor, gradients: dict[str, tf.Tensor]) -> None:
        by_variable = {layer.kernel.ref(): gradients[layer.name] for layer in model.layers}
        pruner.after_gradient_step(step, lambda: by_variable)

    rng = np.random.default_rng(9)
    for step in range(1, steps + 1):
        before = masks(pruner)
        for layer in model.layers:
            layer.kernel.assign_add(rng.normal(0, 0.3, layer.kernel.shape))
        weights = {layer.name: layer.kernel.numpy() for layer in model.layers}
        found = gradients_at(step, model)
        follow(tf.constant(step, tf.int64), {layer.name: found[layer.kernel.ref()] for layer in model.layers})
        pruner.check(step)
        for layer in model.layers:
            assert not layer.kernel.numpy()[~masks(pruner)[layer.name]].any()
        inspect(step, before, weights)


@pytest.mark.parametrize("method", ["static", "set", "rigl"])
def test_sparse_from_the_start_with_the_same_number_in_each_layer(method):
    model, pruner = made(method)
    kept = {name: round(np.prod(SHAPES[name]) * (1 - share)) for name, share in erk(SHAPES, 0.7).items()}
    assert {name: mask.sum() for name, mask in masks(pruner).items()} == kept
    moved = []

    def inspect(step, before, weights):
        now = masks(pruner)
        assert {name: mask.sum() for name, mask in now.items()} == kept
        if any((now[name] != before[name]).any() for name in now):
            moved.append(step)

    run(model, pruner, 48, inspect)
    # The last exchanges are of a share that rounds to no weight at all.
    assert moved == [] if method == "static" else moved[:6] == [4, 8, 12, 16, 20, 24]
    assert set(moved) <= set(range(BEGIN, END + 1, EVERY))


def test_rigl_grows_where_the_gradient_is_largest_and_drops_the_smallest():
    model, pruner = made("rigl")
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
    model, pruner = made("set")
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
    _, pruner = made("rigl")
    with pytest.raises(UserError, match="call after_gradient_step"):
        pruner.after_gradient_step(BEGIN)


def test_gradients_are_asked_for_at_updates_only():
    model, pruner = made("rigl")
    asked = []

    def gradients():
        asked.append(int(step))
        return gradients_at(0, model)

    for step in range(1, 50):
        pruner.after_gradient_step(step, gradients)
    assert asked == list(range(BEGIN, END + 1, EVERY))


def test_random_pruning_never_brings_back_and_does_not_look_at_the_size():
    model, pruner = made("random", distribution="uniform")
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
    model, pruner = made("magnitude", distribution="global", begin_step=1, end_step=2, every=1)
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
    model, pruner = made("set", seed=1)
    other, again = made("set", seed=2)
    assert any((masks(pruner)[n] != masks(again)[n]).any() for n in SHAPES)
    path = tf.train.Checkpoint(model=model, **pruner.trackables()).write(str(tmp_path / "state"))
    tf.train.Checkpoint(model=other, **again.trackables()).read(path).assert_consumed()
    for one in (pruner, again):
        one.after_gradient_step(BEGIN)
    for name, mask in masks(pruner).items():
        np.testing.assert_array_equal(masks(again)[name], mask)


def test_a_zero_that_stays_is_not_taken_for_a_pruned_one():
    model, pruner = made("magnitude", begin_step=1, end_step=3, every=1, distribution="uniform")
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
        ({"pruning": "set", "structure": "block"}, "exchanges single weights"),
        ({"structure": "block", "distribution": "global"}, "compares single weights"),
        ({"pruning": "rigl", "dense_structure": "channel"}, "exchanges single weights"),
        ({"structure": "channel", "distribution": "global"}, "compares single weights"),
        ({"dense_sparsity": 0.9, "distribution": "global"}, "leave out --dense_sparsity"),
        ({"dense_sparsity": 1.0}, r"--dense_sparsity=1.0 must be in \[0, 1\); 0 for none of its own"),
        ({"structure": "n_m"}, "--sparsity=0.5"),
        ({"dense_structure": "n_m", "sparsity": 0.5, "dense_sparsity": 0.6}, "--sparsity=0.5"),
    ],
)
def test_what_does_not_go_together_is_refused(changes, says):
    with pytest.raises(UserError, match=says):
        validation.validate(config.replace(config.preset("dqn"), **changes))


def test_words_are_those_of_the_registries():
    assert set(validation.CHOICES["pruning"]) == {*methods.METHODS, "none"}
    assert set(validation.CHOICES["distribution"]) == set(DISTRIBUTIONS)
    assert set(validation.CHOICES["structure"]) == set(STRUCTURES)
    assert set(validation.CHOICES["dense_structure"]) == {*STRUCTURES, "same"}
    for name, method in methods.METHODS.items():
        assert (name in combinations.SPARSE_FROM_THE_START) == method.starts_sparse
        assert (name in combinations.EXCHANGING) == (method.grow is not None)
