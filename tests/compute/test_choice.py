"""Where the CPU's implementations are chosen."""

from __future__ import annotations

import numpy as np
import pytest
import tf_keras

from tf_pruned_rl import compute, config, runtime


@pytest.mark.parametrize(
    ("changes", "gpus", "expected"),
    [
        ({}, [], True),
        ({}, ["one"], False),
        ({"jit_compile": True}, [], False),
        ({"cpu_optimizations": False}, [], False),
    ],
)
@pytest.mark.parametrize("agent", ["dqn", "cql", "sac"])
def test_enabled_on_a_cpu_unless_switched_off(monkeypatch, agent, changes, gpus, expected) -> None:
    monkeypatch.setattr(runtime, "tensorflow_gpus", lambda: gpus)
    assert compute.enabled(config.replace(config.preset(agent), **changes)) is expected


def test_off_every_layer_is_called_itself() -> None:
    model = tf_keras.Sequential([tf_keras.Input((3,)), tf_keras.layers.Dense(2)])
    off, on = (compute.optimized(model, cpu_optimizations=choice) for choice in (False, True))
    assert off.plan == {} and list(on.plan) == model.layers
    np.testing.assert_array_equal(off(np.ones((1, 3))), model(np.ones((1, 3))))
