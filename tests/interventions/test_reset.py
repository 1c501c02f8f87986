"""Reset: the named layers have new weights, and everything else is the same, byte by byte."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

LAYERS = ["conv1", "conv2", "conv3", "dense", "head"]
CHOSEN = {"last": ["head"], "penultimate": ["dense"], "both": ["dense", "head"], "all": LAYERS}


def test_sigmas_of_noisy_layers_have_their_own_initial_value(make_learner, replay):
    learner = make_learner(intervention="reset", reset_layers="last", reset_every=7, noisy=True)
    head = learner.agent.model.get_layer("head")
    for variable in (*head.weights, *learner.agent.model.get_layer("dense").weights):
        variable.assign(tf.fill(variable.shape, 0.7))
    learner.intervention.after_gradient_step(tf.constant(7, tf.int64), replay)
    for sigma in (head.kernel_sigma, head.bias_sigma):
        np.testing.assert_allclose(sigma, 0.1 / np.sqrt(512), rtol=1e-6)
    assert not head.bias.numpy().any() and head.kernel.numpy().std() > 0.01
    for variable in learner.agent.model.get_layer("dense").weights:
        assert (variable.numpy() == np.float32(0.7)).all()


@pytest.mark.parametrize("layers", CHOSEN)
def test_named_layers_are_initialised_again(make_learner, replay, snapshot, layers):
    learner = make_learner(
        intervention="reset", reset_layers=layers, reset_every=7, pruning="static", sparsity=0.5
    )
    step = tf.function(lambda: learner.step(replay, replay.sample()))
    for _ in range(3):
        step()
    before = snapshot(learner)
    reset = tf.function(lambda at: learner.intervention.after_gradient_step(at, replay))
    reset(tf.constant(6, tf.int64))
    assert all(np.array_equal(before[name], value) for name, value in snapshot(learner).items())
    reset(tf.constant(14, tf.int64))
    after = snapshot(learner)
    changed = {f"{name}/kernel{part}" for name in CHOSEN[layers] for part in ("", "/m", "/v")}
    changed |= {f"{name}/bias" for name in CHOSEN[layers]}
    for name, value in after.items():
        assert np.array_equal(value, before[name]) == (name not in changed), name
    for name in CHOSEN[layers]:
        kernel = after[f"{name}/kernel"]
        mask = learner.pruner.masks()[learner.agent.model.get_layer(name).kernel.ref()].numpy() != 0
        limit = np.sqrt(6 / (np.prod(kernel.shape[:-2]) * sum(kernel.shape[-2:])))
        assert np.array_equal(kernel != 0, mask) and 0.95 * limit < np.abs(kernel).max() <= limit
        # Uniform on +-limit: its standard deviation is limit / sqrt(3).
        assert kernel[mask].std() == pytest.approx(limit / np.sqrt(3), rel=0.1)
        for part in ("bias", "kernel/m", "kernel/v"):
            assert not after[f"{name}/{part}"].any()
