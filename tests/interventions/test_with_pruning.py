"""Every sparse method with ReDo, Reset and weight decay: exactly masked after each of many gradient steps."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl.pruning.methods import METHODS

STEPS = 500
FEW = {"total_frames": STEPS * 16, "min_replay_history": 16, "prune_every": 15, "sparsity": 0.9}


@pytest.mark.parametrize("method", METHODS)
def test_exactly_sparse_through_500_steps_with_redo(make_learner, replay, method):
    learner = make_learner(
        **FEW,
        pruning=method,
        intervention="redo",
        redo_every=10,
        redo_batch=16,
        batch_size=2,
        regularizer="weight_decay",
        learning_rate=1e-3,
    )
    step = tf.function(lambda: learner.step(replay, replay.sample()))
    kernels = {layer.name: layer.kernel for layer in learner.agent.model.layers if hasattr(layer, "kernel")}
    masks = {name: learner.pruner.masks()[kernel.ref()] for name, kernel in kernels.items()}
    start, moved = {name: int(tf.math.count_nonzero(mask)) for name, mask in masks.items()}, 0
    before = {name: mask.numpy() for name, mask in masks.items()}
    for number in range(1, STEPS + 1):
        step()
        for name, kernel in kernels.items():
            mask = masks[name].numpy()
            assert not kernel.numpy()[mask == 0].any(), (number, name)
            moved += int((mask != before[name]).sum())
            before[name] = mask
            if METHODS[method].starts_sparse:
                assert np.count_nonzero(mask) == start[name], (number, name)
        if number % 15 == 0:
            learner.pruner.check(number)
    assert (moved == 0) == (method == "static")
    sizes = sum(mask.size for mask in before.values())
    assert sum(map(np.count_nonzero, before.values())) / sizes == pytest.approx(0.1, abs=1e-3)


@pytest.mark.parametrize("intervention", ["redo", "reset"])
def test_state_brings_back_what_is_drawn_next(make_learner, replay, snapshot, tmp_path, intervention):
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
