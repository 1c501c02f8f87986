"""Runtimes: a model for TensorFlow Lite that is none, or another one, is refused in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl.errors import UserError
from tf_pruned_rl.policies import runtimes

SIGNATURE = {
    "inputs": {"observations": {"dtype": "uint8", "shape": [None, 3]}},
    "outputs": {"q_values": {"dtype": "float32", "shape": [None, 3]}},
}
DESCRIPTION = {"tflite": {"file": "policy.tflite", "delegates": True}, "signature": SIGNATURE}


def write(name: str = "serving_default", dtype: tf.DType = tf.uint8) -> None:
    """Writes a model that doubles what it is given."""
    module = tf.Module()
    spec = tf.TensorSpec([None, 3], dtype, name="observations")
    module.double = tf.function(
        lambda observations: {"q_values": 2 * tf.cast(observations, tf.float32)}, [spec]
    )
    tf.saved_model.save(module, "model", signatures={name: module.double})
    converter = tf.lite.TFLiteConverter.from_saved_model("model", signature_keys=[name])
    Path("policy.tflite").write_bytes(converter.convert())


@pytest.mark.parametrize("light", [True, False], ids=["LiteRT", "TensorFlow's"])
def test_either_interpreter_computes_it_for_any_batch(monkeypatch, light):
    write()
    if not light:
        monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    runtime = runtimes.load(Path(), DESCRIPTION)
    for batch in (1, 4, 2):
        observations = np.arange(3 * batch, dtype=np.uint8).reshape(batch, 3)
        np.testing.assert_array_equal(runtime(observations)["q_values"], 2.0 * observations)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda: Path("policy.tflite").write_bytes(b"nothing of the kind" * 9),
            "cannot be loaded as a Tensor",
        ),
        (lambda: Path("policy.tflite").unlink(), "cannot be loaded as a TensorFlow Lite model"),
        (lambda: write(name="other"), "has no signature serving_default"),
        (lambda: write(dtype=tf.float32), "policy.json says"),
    ],
    ids=["garbage", "missing", "no signature", "other type"],
)
def test_another_model_is_one_line(damage, message):
    write()
    damage()
    with pytest.raises(UserError, match=message) as caught:
        runtimes.load(Path(), DESCRIPTION)
    assert "\n" not in str(caught.value)
