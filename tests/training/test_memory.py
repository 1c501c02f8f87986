"""What a run is said to take."""

from __future__ import annotations

import psutil
import tf_keras

from tf_pruned_rl import config, replay, runtime
from tf_pruned_rl.training import memory
from tf_pruned_rl.training.experiment import Experiment


def test_a_network_by_hand():
    x = tf_keras.Input((3,))
    model = tf_keras.Model(x, tf_keras.layers.Dense(2)(tf_keras.layers.Dense(5)(x)))
    # 20 + 12 weights six times; 3 + 5 + 2 outputs of 7 samples, forward and backward.
    assert memory.network_bytes(model, 7) == 4 * (6 * 32 + 2 * 7 * 10)


def test_the_whole_process(small, monkeypatch):
    monkeypatch.setattr(runtime, "available_bytes", lambda: 4_000_000_000)
    small = config.replace(small, replay_capacity=100_000)
    experiment = Experiment(small)
    whole, part = memory.process_bytes(experiment), replay.bytes_needed(small)
    assert part < whole
    # The frames' pages are not claimed yet; this process has many tests behind it.
    assert psutil.Process().memory_info().rss > 0.5 * (whole - part)
    assert memory.describe(experiment) == (
        f"Memory: about {whole / 1e9:.2f} GB when the replay is full (100,000 steps, 0.71 GB); "
        "4.00 GB available"
    )
