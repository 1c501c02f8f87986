"""The exported SavedModel: what is in it, what it computes, how it is put in place."""

from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tensorflow.core.protobuf import saved_model_pb2

from tf_pruned_rl import config, networks
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.exporting.saved_model import Trained, export_policy
from tf_pruned_rl.policies.policy_json import TrainingFacts

ACTIONS = ("NOOP", "FIRE", "RIGHT", "LEFT")
RNG = np.random.default_rng(0)
OBSERVATIONS = RNG.integers(0, 256, (3, 84, 84, 4), dtype=np.uint8)

# Arithmetic of the network, the softmax and the argmax; then what any SavedModel needs to hold variables.
# IdentityN, a renaming, is all that a custom gradient leaves (as in TensorFlow's own swish) in what is
# computed; what is saved beside it, for who differentiates, has the ones of a bias's gradient (Fill).
NETWORK_OPS = {
    "Placeholder", "Const", "Identity", "IdentityN", "NoOp", "ReadVariableOp", "VarHandleOp",
    "PartitionedCall", "StatefulPartitionedCall", "Cast", "Mul", "AddV2", "Conv2D", "BiasAdd", "Relu",
    "MaxPool", "MatMul", "Reshape", "Shape", "StridedSlice", "Pack", "Softmax", "Sum", "ArgMax",
    "EnsureShape", "Fill",
}  # fmt: skip
STORAGE_OPS = {
    "AssignVariableOp", "DisableCopyOnRead", "SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename",
    "StringJoin", "StaticRegexFullMatch", "Select",
}  # fmt: skip


def make_config(**changes) -> config.ExperimentConfig:
    settings = {"network": "nature", "width": 0.25, "game": "Breakout"} | changes
    return config.replace(config.ExperimentConfig(), **settings)


def make_model(experiment: config.ExperimentConfig) -> tf_keras.Model:
    """Returns a network nine tenths of whose kernels' weights are exactly zero."""
    atoms = experiment.learning.num_atoms if experiment.learning.loss == "c51" else 1
    model = networks.build(experiment.network, num_actions=len(ACTIONS), num_atoms=atoms)
    rng = np.random.default_rng(1)
    for weight in model.weights:
        value = rng.normal(0, 0.3, weight.shape)
        weight.assign(value * (rng.random(weight.shape) < 0.1) if len(weight.shape) > 1 else value)
    return model


def rows(model: tf_keras.Model) -> list[dict]:
    """Returns a table row per kernel, counted here."""
    kernels = [weight for weight in model.weights if len(weight.shape) > 1]
    return [
        {
            "layer": weight.name,
            "shape": weight.shape.as_list(),
            "parameters": int(np.prod(weight.shape)),
            "nonzero": int(np.count_nonzero(weight.numpy())),
            "sparsity": 1 - np.count_nonzero(weight.numpy()) / math.prod(weight.shape),
        }
        for weight in kernels
    ]


def export(model: tf_keras.Model, directory: Path, experiment: config.ExperimentConfig) -> dict:
    training = TrainingFacts(frames=4000, agent_steps=1000, gradient_steps=200, mean_return=1.5)
    return export_policy(Trained(model, experiment, ACTIONS, rows(model), 0.9, training), directory)


CASES = {
    "dqn": make_config(),
    "impala": make_config(network="impala"),
    "rainbow": make_config(loss="c51", num_atoms=11, v_max=7.0),
    "mixed_precision": make_config(mixed_precision=True),
}


@pytest.fixture(scope="module", params=CASES)
def exported(request, tmp_path_factory):
    """Returns (configuration, model, directory) of a policy exported once."""
    experiment = CASES[request.param]
    model = make_model(experiment)
    directory = tmp_path_factory.mktemp(request.param) / "policy"
    export(model, directory, experiment)
    return experiment, model, directory


def reference(experiment: config.ExperimentConfig, model: tf_keras.Model) -> np.ndarray:
    """Returns the Q-values of OBSERVATIONS from the model's output, in float64."""
    # In a graph, as when training: TensorFlow rounds bfloat16 differently where it can fuse operations.
    output = tf.function(model)(tf.constant(OBSERVATIONS)).numpy().astype(np.float64)
    if experiment.learning.loss != "c51":
        return output
    exponentials = np.exp(output - output.max(-1, keepdims=True))
    probabilities = exponentials / exponentials.sum(-1, keepdims=True)
    v_max, atoms = experiment.learning.v_max, experiment.learning.num_atoms
    support = np.array([-v_max + 2 * v_max * i / (atoms - 1) for i in range(atoms)])
    return probabilities @ support


def test_outputs_are_the_models(exported):
    experiment, model, directory = exported
    outputs = tf.saved_model.load(str(directory)).signatures["serving_default"](
        observations=tf.constant(OBSERVATIONS)
    )
    expected = reference(experiment, model)
    assert outputs["q_values"].dtype == tf.float32 and outputs["actions"].dtype == tf.int32
    np.testing.assert_allclose(outputs["q_values"], expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(outputs["actions"], expected.argmax(-1))


def test_variables_are_the_models_weights_and_exactly_as_sparse(exported):
    _, model, directory = exported
    stored = dict(tf.train.list_variables(str(directory / "variables" / "variables")))
    del stored["_CHECKPOINTABLE_OBJECT_GRAPH"]
    assert sorted(stored.values()) == sorted(weight.shape.as_list() for weight in model.weights)
    loaded = tf.saved_model.load(str(directory)).weights
    for saved, weight in zip(loaded, model.weights, strict=True):
        assert saved.dtype == tf.float32
        np.testing.assert_array_equal(saved.numpy(), weight.numpy())
        assert np.count_nonzero(saved.numpy()) == np.count_nonzero(weight.numpy())


def test_graph_has_plain_operations_only(exported):
    _, _, directory = exported
    graph = _graph(directory)
    functions = {function.signature.name for function in graph.library.function}
    operations = {node.op for node in graph.node} - functions
    operations |= {node.op for function in graph.library.function for node in function.node_def} - functions
    assert {"MatMul", "ArgMax"} <= operations, "the graph was not found"
    assert operations <= NETWORK_OPS | STORAGE_OPS, operations - NETWORK_OPS - STORAGE_OPS


def _graph(directory: Path):
    message = saved_model_pb2.SavedModel.FromString((directory / "saved_model.pb").read_bytes())
    (meta_graph,) = message.meta_graphs
    assert set(meta_graph.signature_def) == {"serving_default", "__saved_model_init_op"}
    return meta_graph.graph_def


def test_nothing_of_keras_or_of_the_training_is_in_it(exported):
    _, _, directory = exported
    files = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    assert files == {
        "policy.json",
        "saved_model.pb",
        "fingerprint.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
    }
    content = (directory / "saved_model.pb").read_bytes()
    for word in (
        b"keras",
        b"/mask",
        b"mask:",
        b"threshold",
        b"pruning",
        b"optimizer",
        b"learning_rate",
        b"tf_agents",
    ):
        assert word not in content, word


def test_serves_in_a_process_that_has_only_tensorflow(tmp_path):
    experiment = CASES["rainbow"]
    model = make_model(experiment)
    export(model, tmp_path / "policy", experiment)
    np.save(tmp_path / "observations.npy", OBSERVATIONS)
    script = """
import json, sys
import numpy as np, tensorflow as tf
policy = tf.saved_model.load("policy")
outputs = policy.signatures["serving_default"](observations=tf.constant(np.load("observations.npy")))
packages = {name.split(".")[0] for name in sys.modules}
ours = sorted(packages & {"tf_pruned_rl", "tf_agents", "tensorflow_probability"})
print(json.dumps({"ours": ours, "q_values": outputs["q_values"].numpy().tolist()}))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"},
    )
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert not printed["ours"]
    np.testing.assert_allclose(printed["q_values"], reference(experiment, model), rtol=1e-6, atol=1e-6)


def test_replaces_an_older_policy_and_leaves_nothing_beside_it(tmp_path):
    experiment = make_config()
    model = make_model(experiment)
    export(model, tmp_path / "policy", experiment)
    model.weights[-1].assign_add(tf.ones_like(model.weights[-1]))
    description = export(model, tmp_path / "policy", experiment)
    assert [path.name for path in tmp_path.iterdir()] == ["policy"]
    assert json.loads((tmp_path / "policy" / "policy.json").read_text()) == description
    loaded = tf.saved_model.load(str(tmp_path / "policy")).weights[-1]
    np.testing.assert_array_equal(loaded.numpy(), model.weights[-1].numpy())


def test_an_interrupted_export_leaves_the_older_policy(tmp_path, monkeypatch):
    experiment = make_config()
    model = make_model(experiment)
    before = export(model, tmp_path / "policy", experiment)

    def fail(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UserError, match=r"disk is full \(No space left.*needs more than .* MB"):
        export(model, tmp_path / "policy", experiment)
    assert [path.name for path in tmp_path.iterdir()] == ["policy"]
    assert json.loads((tmp_path / "policy" / "policy.json").read_text()) == before


def test_never_deletes_what_is_no_policy(tmp_path):
    experiment = make_config()
    model = make_model(experiment)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="no policy"):
        export(model, tmp_path / "home", experiment)
    with pytest.raises(UserError, match="is a file"):
        export(model, tmp_path / "home" / "thesis.tex", experiment)
    assert (tmp_path / "home" / "thesis.tex").read_text() == "years of work"


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    experiment = make_config()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write") as caught:
        export(make_model(experiment), tmp_path / "file" / "policy", experiment)
    assert "\n" not in str(caught.value)
