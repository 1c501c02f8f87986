"""Formats: their names and places; what they are made of is tested through export.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tf_pruned_rl.errors import UserError
from tf_pruned_rl.exporting import formats


def test_names_are_separated_by_commas_and_compact_is_two():
    assert formats.parse("saved_model") == ("saved_model",)
    assert formats.parse("compact,tflite,tflite") == ("compact", "compact_tflite", "tflite")
    for text, message in (
        ("tflit", "did you mean tflite"),
        ("", "is empty"),
        ("onnx", "is not one of saved_model, tflite"),
    ):
        with pytest.raises(UserError, match=message):
            formats.parse(text)


def test_the_saved_model_keeps_its_place_and_the_others_lie_beside_it():
    assert formats.place(Path("run/policy"), "saved_model") == Path("run/policy")
    assert formats.place(Path("run/policy"), "tflite_int8") == Path("run/policy-tflite_int8")
