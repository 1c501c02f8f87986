"""What a machine offers, and start-up chatter held back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import tensorflow as tf

from tf_pruned_rl import networks, runtime
from tf_pruned_rl.config import NetworkConfig
from tf_pruned_rl.runtime import muted_stderr


def test_nothing_reaches_stderr(capfd):
    with muted_stderr():
        os.write(2, b"chatter from C++\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_an_error_shows_what_was_held_back(capfd):
    with pytest.raises(ValueError, match="broken"), muted_stderr():
        os.write(2, b"the reason\n")
        raise ValueError("broken")
    assert capfd.readouterr().err == "the reason\n"


def test_only_the_cores_of_the_process_count(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5, 6}, raising=False)
    assert runtime.available_cores() == 3


def test_all_cores_count_where_the_system_does_not_tell(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert runtime.available_cores() == 8
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert runtime.available_cores() == 1


def test_control_group(tmp_path: Path) -> None:
    """Limit 1000, used 700 of which 200 is idle file cache: 500 are left."""
    names = ("memory.max", "memory.current", "inactive_file")
    assert runtime.control_group_room(tmp_path, *names) is None
    for name, content in (
        ("memory.max", "1000\n"),
        ("memory.current", "700\n"),
        ("memory.stat", "inactive_file 200\n"),
    ):
        (tmp_path / name).write_text(content)
    assert runtime.control_group_room(tmp_path, *names) == 500
    (tmp_path / "memory.max").write_text("max\n")
    assert runtime.control_group_room(tmp_path, *names) is None
    assert runtime.available_bytes() > 0


@pytest.fixture
def _fusions_as_before():
    before = tf.config.optimizer.get_experimental_options().get("remapping", True)
    yield
    runtime.graph_fusions(before)


@pytest.mark.parametrize("enabled", [False, True])
def test_the_next_graph_is_made_with_or_without_fusions(_fusions_as_before, enabled):
    runtime.graph_fusions(enabled)
    assert tf.config.optimizer.get_experimental_options()["remapping"] is enabled


@pytest.mark.parametrize("mixed_precision", [False, True])
def test_without_fusions_nan_goes_through_a_relu(_fusions_as_before, mixed_precision):
    # The first layer's biases are NaN, before a ReLU.
    runtime.graph_fusions(False)
    config = NetworkConfig(network="nature", width=0.25, mixed_precision=mixed_precision)
    model = networks.build(config, num_actions=2)
    model.get_layer("conv1").bias.assign(tf.fill(model.get_layer("conv1").bias.shape, float("nan")))
    assert tf.reduce_all(tf.math.is_nan(tf.function(model)(tf.zeros([2, 84, 84, 4]))))
