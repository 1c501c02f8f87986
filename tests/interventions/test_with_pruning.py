"""Every sparse method with ReDo, Reset and weight decay: exactly masked after each of many gradient steps."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl.exporting.compact import compact
from tf_pruned_rl.registry import PRUNING_METHODS

STEPS = 500
FEW = {"total_frames": STEPS * 16, "min_replay_history": 16, "prune_every": 15, "sparsity": 0.9}


# random and static take the paths of magnitude and set.
SELDOM = ("random", "static")


@pytest.mark.parametrize(
    "method",
    [pytest.param(name, marks=pytest.mark.slow if name in SELDOM else ()) for name in PRUNING_METHODS],
)
def test_exactly_sparse_through_500_steps_with_redo(make_learner, replay, method):
    learner = make_learner(
        **FEW,
        pruning=method,
        intervention="redo",
        redo_every=25,
        redo_batch=16,
        batch_size=2,
        regularizer="weight_decay",
        learning_rate=1e-3,
    )
    pairs = [(v.deref(), mask) for v, mask in learner.pruner.masks().items()]
    start = [int(tf.math.count_nonzero(mask)) for _, mask in pairs]
    first = [mask.numpy() for _, mask in pairs]

    @tf.function
    def steps(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the largest number of stray weights, and the marks of each mask (-1: they changed)."""
        stray, marks = tf.constant(0, tf.int64), tf.constant(start, tf.int64)
        for _ in tf.range(number):
            tf.autograph.experimental.set_loop_options(parallel_iterations=1)
            learner.step(replay, replay.sample())
            outside = [tf.math.count_nonzero(tf.where(mask > 0, 0.0, kernel)) for kernel, mask in pairs]
            stray = tf.maximum(stray, tf.add_n(outside))
            now = tf.stack([tf.math.count_nonzero(mask) for _, mask in pairs])
            marks = tf.where(tf.equal(now, marks), marks, now if gradual else tf.constant(-1, tf.int64))
        return stray, marks

    gradual = not PRUNING_METHODS[method].starts_sparse
    for done in range(50, STEPS + 1, 50):
        stray, marks = steps(tf.constant(50))
        assert int(stray) == 0
        assert gradual or marks.numpy().tolist() == start
        learner.pruner.check(done)
    last = [mask.numpy() for _, mask in pairs]
    same = all(np.array_equal(one, other) for one, other in zip(first, last, strict=True))
    assert same == (method == "static")
    assert sum(map(np.count_nonzero, last)) / sum(mask.size for mask in last) == pytest.approx(0.1, abs=1e-3)


@pytest.mark.parametrize("intervention", ["redo", "reset"])
def test_a_pruned_channel_stays_dead(make_learner, replay, intervention):
    learner = make_learner(
        **{**FEW, "sparsity": 0.7, "total_frames": 60 * 16},
        structure="channel",
        distribution="uniform",
        intervention=intervention,
        redo_every=5,
        redo_batch=16,
        reset_every=5,
        reset_layers="all",
        regularizer="weight_decay",
        learning_rate=1e-3,
    )
    step = tf.function(lambda: learner.step(replay, replay.sample()))
    # Two steps more than the last recycling, which leaves a neuron without outgoing weights for one.
    for number in range(1, 63):
        step()
        learner.pruner.check(number)
    removed = compact(learner.agent.model).removed
    assert [len(removed[f"conv{number}"]) for number in (1, 2, 3)] == [8 - 2, 16 - 5, 16 - 5]


def test_rigl_grows_by_the_gradient_of_the_latest_batch(make_learner, replay):
    settings = {"pruning": "rigl", "prune_start": 0.0, "sparsity": 0.9, "learning_rate": 1e-3}
    # The same run twice: one updates its masks at step 3, the other does not.
    learner, before = (make_learner(**settings, prune_every=every) for every in (3, 400))
    batch = replay.batch(tf.range(20, 24, dtype=tf.int64), tf.ones(4))
    for each in (learner, before):
        step = tf.function(lambda each=each: each.step(replay, batch))
        for _ in range(3):
            step()
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(before.agent.loss_per_example(batch)[0])
    variables = before.agent.model.trainable_variables
    slopes = tape.gradient(loss, variables)
    masks, old_masks, grown_in_all = learner.pruner.masks(), before.pruner.masks(), 0
    for variable, old, slope in zip(learner.agent.model.trainable_variables, variables, slopes, strict=True):
        if variable.ref() not in masks:
            continue
        kept, now = (held[v.ref()].numpy() != 0 for held, v in ((old_masks, old), (masks, variable)))
        slope, grown = np.abs(slope.numpy()), now & ~kept
        grown_in_all += grown.sum()
        assert now.sum() == kept.sum()
        if grown.any():
            assert slope[grown].min() >= slope[~now & ~kept].max() * (1 - 1e-4)
            assert not variable.numpy()[grown].any()
    assert grown_in_all > 1_000


@pytest.mark.parametrize("intervention", ["redo", pytest.param("reset", marks=pytest.mark.slow)])
def test_restored_state_gives_the_same_random_weights(make_learner, replay, snapshot, tmp_path, intervention):
    settings = {**FEW, "pruning": "set", "intervention": intervention, "redo_every": 4, "reset_every": 4}
    one, other = make_learner(**settings), make_learner(**settings, seed=7)
    step = tf.function(lambda: one.step(replay, replay.sample()))
    for _ in range(5):
        step()
    one.state().save(tmp_path, None)
    other.state().load(tmp_path)
    batch = replay.sample()
    for learner in (one, other):
        learn = tf.function(lambda learner=learner: learner.step(replay, batch))
        for _ in range(4):
            learn()
    for name, value in snapshot(one).items():
        np.testing.assert_array_equal(snapshot(other)[name], value, err_msg=name)


EVERYTHING = {
    "regularizer": "l2_unit",
    "pruning": "rigl",
    "prune_start": 0.0,
    "prune_every": 3,
    "intervention": "redo",
    "redo_every": 4,
    "redo_batch": 16,
}


def losses(learner, replay) -> list[float]:
    """Eight gradient steps, with two updates of the masks and two recyclings."""
    batch = replay.batch(tf.range(20, 24, dtype=tf.int64), tf.ones(4))
    step, values = tf.function(lambda: learner.step(replay, batch)), []
    for number in range(1, 9):
        step()
        learner.pruner.check(number)
        values.append(learner.drain_statistics()["loss"])
    return values


def test_xla_computes_the_same_with_all_of_it(make_learner, replay):
    plain, compiled = (losses(make_learner(**EVERYTHING, jit_compile=jit), replay) for jit in (False, True))
    np.testing.assert_allclose(compiled, plain, rtol=1e-3)  # sums are in another order


def test_xla_and_bfloat16_go_with_noise_too(make_learner, replay):
    # Not the same numbers: XLA draws other noise from the same state.
    fast = {"noisy": True, "dueling": True, "jit_compile": True, "mixed_precision": True}
    learner = make_learner(**EVERYTHING, **fast)
    sigma = learner.agent.model.get_layer("dense").kernel_sigma
    before = sigma.numpy()
    assert np.isfinite(losses(learner, replay)).all()
    assert (sigma.numpy() != before).any() and np.isfinite(sigma.numpy()).all()
