"""Tests of VariablesState: everything comes back, in place and now, or it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl.errors import UserError
from tf_pruned_rl.training.checkpoint import VariablesState


def build_variables(seed: int) -> dict[str, Any]:
    tf_keras.utils.set_random_seed(seed)
    model = tf_keras.Sequential([tf_keras.layers.Dense(3, input_shape=(2,))])
    optimizer = tf_keras.optimizers.legacy.Adam()
    optimizer.apply_gradients([(tf.random.normal(v.shape), v) for v in model.trainable_variables])
    return {
        "model": model,
        "optimizer": optimizer,
        "generator": tf.random.Generator.from_seed(seed),
        "step": tf.Variable(seed, dtype=tf.int64),
    }


def test_variables_round_trip(tmp_path: Path) -> None:
    first, second = build_variables(1), build_variables(2)
    kernel = second["model"].layers[0].kernel
    VariablesState(**first).save(tmp_path, None)
    VariablesState(**second).load(tmp_path)
    for one, other in zip(first["model"].weights, second["model"].weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    slots = [variables["optimizer"].variables() for variables in (first, second)]
    assert len(slots[0]) == 5  # iterations, two moments of two weights
    for one, other in zip(*slots, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    draws = [variables["generator"].uniform([5]).numpy() for variables in (first, second)]
    np.testing.assert_array_equal(*draws)
    assert int(second["step"]) == 1
    assert second["model"].layers[0].kernel is kernel  # in place


def test_variables_not_in_the_checkpoint_are_refused(tmp_path: Path) -> None:
    VariablesState(a=tf.Variable(1.0)).save(tmp_path, None)
    with pytest.raises(UserError, match="another program") as caught:
        VariablesState(a=tf.Variable(0.0), b=tf.Variable(0.0)).load(tmp_path)
    assert "\n" not in str(caught.value)


def test_variables_that_do_not_exist_yet_are_refused(tmp_path: Path) -> None:
    variables = build_variables(1)
    VariablesState(**variables).save(tmp_path, None)
    lazy = build_variables(2) | {"optimizer": tf_keras.optimizers.legacy.Adam()}
    with pytest.raises(UserError, match="another program"):
        VariablesState(**lazy).load(tmp_path)


def test_variables_left_over_in_the_checkpoint_are_refused(tmp_path: Path) -> None:
    variables = build_variables(1)
    VariablesState(**variables).save(tmp_path, None)
    del variables["step"]
    with pytest.raises(UserError, match="another program"):
        VariablesState(**variables).load(tmp_path)
