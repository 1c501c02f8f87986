"""policy.json: its numbers, recounted by other means."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from tf_pruned_rl import config
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.policies import policy_json
from tf_pruned_rl.policies.policy_json import TrainingFacts

LAYERS = [
    {
        "layer": "a",
        "shape": (3, 4),
        "parameters": 12,
        "nonzero": 3,
        "sparsity": 0.75,
        "macs": 24,
        "macs_left": 6,
    },
    {
        "layer": "b",
        "shape": (2, 4),
        "parameters": 8,
        "nonzero": 7,
        "sparsity": 0.125,
        "macs": 8,
        "macs_left": 7,
    },
]


@pytest.fixture
def directory(tmp_path) -> Path:
    """Returns something like a SavedModel: a compressible file and one that is not."""
    (tmp_path / "variables").mkdir()
    (tmp_path / "saved_model.pb").write_bytes(b"graph" * 1000)
    (tmp_path / "variables" / "variables.index").write_bytes(hashlib.shake_128(b"x").digest(3000))
    return tmp_path


def describe(directory: Path, **changes) -> dict:
    settings = {
        "game": "Breakout",
        "agent": "rainbow",
        "sticky_actions": 0.1,
        "max_episode_steps": 500,
    } | changes
    return policy_json.describe(
        directory,
        config=config.replace(config.ExperimentConfig(), **settings),
        action_meanings=("NOOP", "FIRE"),
        observation_shape=(84, 84, 4),
        layers=LAYERS,
        target_sparsity=0.5,
        parameters=25,
        training=TrainingFacts(frames=400, agent_steps=100, gradient_steps=20, mean_return=None),
    )


def test_sparsity_is_over_the_kernels(directory):
    description = describe(directory)
    assert description["sparsity"] == pytest.approx(10 / 20)
    assert description["target_sparsity"] == 0.5
    assert description["parameters"] == 25
    assert description["parameters_left"] == 3 + 7 + 5  # five biases
    assert [row["layer"] for row in description["layers"]] == ["a", "b"]


def test_protocol_comes_from_the_configuration(directory):
    description = describe(directory)
    protocol = description["preprocessing"]
    assert (description["game"], description["agent"], description["num_actions"]) == (
        "Breakout",
        "rainbow",
        2,
    )
    assert (protocol["sticky_actions"], protocol["max_episode_steps"]) == (0.1, 500)
    assert (protocol["frame_skip"], protocol["frame_shape"], protocol["stack"]) == (4, [84, 84], 4)


def test_sizes_and_checksums_are_those_of_the_files(directory):
    description = describe(directory)
    sizes = description["sizes_in_bytes"]
    assert sizes["saved_model"]["raw"] == 8000
    assert sizes["variables"]["raw"] == 3000
    assert description["files"] == {
        "saved_model.pb": {"bytes": 5000, "sha256": hashlib.sha256(b"graph" * 1000).hexdigest()},
        "variables/variables.index": {
            "bytes": 3000,
            "sha256": hashlib.sha256(hashlib.shake_128(b"x").digest(3000)).hexdigest(),
        },
    }


def test_gzipped_size_is_that_of_the_command(directory, tmp_path_factory):
    archive = tmp_path_factory.mktemp("archive") / "policy.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(directory, arcname=".")
    gzip = subprocess.run(["gzip", "-6", "--stdout", archive], capture_output=True, check=True)
    counted = describe(directory)["sizes_in_bytes"]["saved_model"]["gzip"]
    # The 5,000 repetitive bytes shrink to a few, the 3,000 random ones do not.
    assert 3000 < counted < 3600
    assert counted == pytest.approx(len(gzip.stdout), abs=400)  # other headers, and the directories
    assert describe(directory)["sizes_in_bytes"]["saved_model"]["gzip"] == counted


def test_the_file_is_pretty_json_that_reads_back(directory):
    description = describe(directory)
    policy_json.write(directory, description)
    text = (directory / "policy.json").read_text()
    assert text.startswith('{\n  "format_version": 1,\n') and text.endswith("}\n")
    assert policy_json.read(directory) == json.load(io.StringIO(text)) == json.loads(json.dumps(description))
    policy_json.check_files(directory, policy_json.read(directory))


def test_a_file_that_grew_is_found(directory):
    policy_json.write(directory, describe(directory))
    with (directory / "saved_model.pb").open("ab") as file:
        file.write(b"!")
    with pytest.raises(UserError, match="checksum differs"):
        policy_json.check_files(directory, policy_json.read(directory))
