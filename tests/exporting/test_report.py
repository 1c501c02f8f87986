"""The report: its numbers are those of the files and the game, and it is written three times."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tf_pruned_rl import config, networks
from tf_pruned_rl.exporting import formats, report
from tf_pruned_rl.exporting.compact import compact
from tf_pruned_rl.exporting.saved_model import Trained
from tf_pruned_rl.policies import policy_json
from tf_pruned_rl.policies.policy_json import TrainingFacts
from tf_pruned_rl.pruning import kernels, summaries

NAMES = ("saved_model", "tflite_int8", "compact", "compact_tflite")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Returns (trained, exported, report) of a policy nine tenths of which are zero."""
    experiment = config.replace(
        config.ExperimentConfig(), network="nature", width=0.25, game="Breakout", max_episode_steps=20
    )
    model, rng = networks.build(experiment.network, num_actions=4), np.random.default_rng(0)
    for weight in model.weights:
        keep = rng.random(weight.shape) < (0.1 if len(weight.shape) > 1 else 1)
        weight.assign(rng.normal(0, 0.1, weight.shape) * keep)
    found = kernels.find(model)
    actions = ("NOOP", "FIRE", "RIGHT", "LEFT")
    trained = Trained(model, experiment, actions, summaries.table(found), 0.9, TrainingFacts(0, 0, 0))
    folder = tmp_path_factory.mktemp("report")
    exported = [(folder / name, formats.write(trained, folder / name, name)) for name in NAMES]
    return trained, exported, report.make(trained, exported, runs=3, episodes=2, seed=3, seconds=1e-6)


def test_layers_are_counted(made):
    trained, _, found = made
    arrays = [weight.numpy() for weight in trained.model.weights if len(weight.shape) > 1]
    assert len(found["layers"]) == len(arrays) == 5
    for row, kernel in zip(found["layers"], arrays, strict=True):
        assert row["parameters"] == kernel.size and row["zeros"] == np.count_nonzero(kernel == 0)
        assert row["bytes"] == 4 * kernel.size and row["macs_left"] < row["macs"]
        assert row["bytes_compressed"] == len(zlib.compress(kernel.tobytes(), 6))
    left = compact(trained.model).model
    for row in found["layers"]:
        assert row["compact_bytes"] == 4 * left.get_layer(row["layer"]).kernel.numpy().size
    assert found["layers"][-2]["compact_bytes"] < found["layers"][-2]["bytes"], "some units nobody reads"


def test_sizes_times_and_returns_are_beside_a_dense_twin(made):
    _, exported, found = made
    assert [row["format"] for row in found["formats"]] == list(NAMES)
    for row, (path, description) in zip(found["formats"], exported, strict=True):
        assert row["bytes"] == policy_json.size(description)
        assert row["bytes"]["gzip"] < row["dense_bytes"]["gzip"] / 2, "the twin has no zeros"
        assert row["bytes"]["raw"] >= sum(file.stat().st_size for file in path.glob("policy.tflite"))
        assert {"batch 1, threads 1", "batch 32, threads 1"} <= set(row["latency_ms"])
        for where, times in row["latency_ms"].items():
            assert times["pruned"] > 0 and times["dense"] > 0
            # The time that is allowed is over after one run; at batch 1 it does not count.
            assert times["runs"] == (3 if where.startswith("batch 1,") else 1)
        returns = row["returns"]
        assert len(returns["all"]) == 2 and returns["mean"] == pytest.approx(np.mean(returns["all"]))
        low, high = returns["interval"]
        assert min(returns["all"]) <= low <= returns["mean"] <= high <= max(returns["all"])
    first, *_, last = found["formats"]
    assert first["returns"]["all"] == last["returns"]["all"], "the same seeds, the same actions"


def test_is_written_as_text_json_and_picture(made):
    _, _, found = made
    paths = report.save(found, Path("policy-report"))
    assert [path.name for path in paths] == ["policy-report.txt", "policy-report.json", "policy-report.png"]
    text = paths[0].read_text()
    for word in (
        *NAMES,
        "dense",
        "all kernels",
        ", 3 runs\n",
        "2 episodes",
        "gzipped",
        "95 % interval",
        *(row["layer"] for row in found["layers"]),
    ):
        assert word in text, word
    assert json.loads(paths[1].read_text())["formats"] == json.loads(json.dumps(found["formats"]))
    with Image.open(paths[2]) as picture:
        assert picture.width > 1000
