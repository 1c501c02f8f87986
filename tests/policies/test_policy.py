"""Loading a policy: what is checked, and what a damaged one is told."""

from __future__ import annotations

import contextlib
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import config, networks
from tf_pruned_rl.environments import games
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.exporting.saved_model import Trained, export_policy
from tf_pruned_rl.policies.policy import load_policy
from tf_pruned_rl.policies.policy_json import TrainingFacts

ACTIONS = 3


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    experiment = config.replace(config.ExperimentConfig(), network="nature", width=0.25, game="Pong")
    directory = tmp_path_factory.mktemp("exported") / "policy"
    model = networks.build(experiment.network, num_actions=ACTIONS)
    actions = ("NOOP", "FIRE", "RIGHT")
    rows = [{"layer": "all", "shape": (10,), "parameters": 10, "nonzero": 1}]
    export_policy(Trained(model, experiment, actions, rows, 0.9, TrainingFacts(0, 0, 0)), directory)
    return directory


@pytest.fixture
def policy_dir(exported, tmp_path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "policy"))


def test_a_loaded_policy_tells_values_and_acts_by_them(policy_dir):
    policy = load_policy(policy_dir)
    assert (policy.game, policy.action_meanings) == ("Pong", ("NOOP", "FIRE", "RIGHT"))
    frames = np.random.default_rng(0).integers(0, 256, (2, 84, 84), dtype=np.uint8)
    player = policy.player(num_envs=2, epsilon=0.0, seed=0)
    actions = player(frames, np.array([True, True]))
    assert actions.dtype == np.int32
    observations = np.zeros((2, 84, 84, 4), np.uint8)
    observations[..., 3] = frames
    np.testing.assert_array_equal(actions, policy.q_values(observations).argmax(-1))


def edit(directory: Path, **changes) -> None:
    path = directory / "policy.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def protocol(directory: Path, **changes) -> None:
    described = json.loads((directory / "policy.json").read_text())
    edit(directory, preprocessing=described["preprocessing"] | changes)


def other_signature(directory: Path) -> None:
    """Puts a SavedModel of another interface there, with the right checksums."""
    module = tf.Module()
    module.f = tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    tf.saved_model.save(module, str(directory), signatures=module.f)
    edit(directory, files={})


DAMAGES = {
    "no directory": (shutil.rmtree, "no policy at"),
    "no policy.json": (lambda d: (d / "policy.json").unlink(), "no exported policy"),
    "cut policy.json": (lambda d: (d / "policy.json").write_text('{"format_version": 1, "ag'), "is damaged"),
    "a list": (lambda d: (d / "policy.json").write_text("[]"), "an object was expected"),
    "wrong type": (lambda d: edit(d, action_meanings=3), "action_meanings is missing or malformed"),
    "no actions": (lambda d: edit(d, action_meanings=[]), "num_actions"),
    "no protocol": (lambda d: edit(d, preprocessing={}), "frame_skip is missing"),
    "odd actions": (lambda d: edit(d, action_meanings=["NOOP", 1, "UP"]), "num_actions names"),
    "odd frame skip": (lambda d: protocol(d, frame_skip=0), r"damaged \(frame_skip=0 must be at least 1"),
    "odd noops": (lambda d: protocol(d, max_noops="x"), "max_noops is missing or malformed"),
    "odd stickiness": (lambda d: protocol(d, sticky_actions=float("nan")), "must be a finite number"),
    "odd suite": (lambda d: edit(d, suite="atary"), "did you mean atari"),
    "odd agent": (lambda d: edit(d, agent="dqm"), "did you mean dqn"),
    "later format": (lambda d: edit(d, format_version=2), "this version reads 1"),
    "missing file": (lambda d: (d / "saved_model.pb").unlink(), "saved_model.pb is missing"),
    "cut file": (lambda d: (d / "saved_model.pb").write_bytes(b"\0"), "checksum differs"),
    "no saved model": (lambda d: (edit(d, files={}), (d / "saved_model.pb").unlink()), "cannot be loaded"),
    "other signature": (other_signature, "policy.json says"),
    "a file elsewhere": (lambda d: edit(d, files={"../x": {}}), "lists ../x, which is not in it"),
    "no such model": (lambda d: edit(d, tflite={"file": "x", "delegates": True}), "not among its files"),
    "odd model": (lambda d: edit(d, tflite=3), "an object was expected"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_policy_is_refused_in_one_line(policy_dir, damage):
    make, message = DAMAGES[damage]
    make(policy_dir)
    with pytest.raises(UserError, match=message) as caught:
        load_policy(policy_dir)
    assert "\n" not in str(caught.value)


class Bomb:
    """Makes a file when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("executed"),)


@pytest.mark.parametrize(
    "name",
    ["policy.json", "saved_model.pb", "fingerprint.pb", "keras_metadata.pb", "variables/variables.index"],
)
def test_nothing_of_a_policy_is_unpickled(policy_dir, name):
    bomb = pickle.dumps(Bomb())
    edit(policy_dir, files={})  # or the checksum would tell
    (policy_dir / name).write_bytes(bomb)
    with contextlib.suppress(UserError):
        load_policy(policy_dir)
    assert not Path("executed").exists()
    pickle.loads(bomb)
    assert Path("executed").exists(), "it would have been seen"


def test_a_policy_of_other_frames_is_refused(policy_dir):
    policy = load_policy(policy_dir)
    policy.description["action_meanings"] = list(games.minimal_actions("Pong"))
    policy.description["signature"]["inputs"]["observations"]["shape"] = [None, 80, 80, 4]
    with pytest.raises(UserError, match=r"Pong is seen as .*84, 84, 4.*takes .*80, 80, 4"):
        policy.make_environment(num_envs=1, seed=0)


def test_a_run_directory_is_pointed_to_its_policy(policy_dir):
    with pytest.raises(UserError, match="did you mean .*policy"):
        load_policy(policy_dir.parent)


def test_a_changed_byte_of_the_weights_is_found(policy_dir):
    path = policy_dir / "variables" / "variables.data-00000-of-00001"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="checksum differs"):
        load_policy(policy_dir)
