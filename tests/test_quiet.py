"""Start-up chatter is held back, and shown when something goes wrong."""

from __future__ import annotations

import os

import pytest

from tf_pruned_rl.quiet import hush


def test_nothing_reaches_stderr(capfd):
    with hush():
        os.write(2, b"chatter from C++\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_an_error_shows_what_was_held_back(capfd):
    with pytest.raises(ValueError, match="broken"), hush():
        os.write(2, b"the reason\n")
        raise ValueError("broken")
    assert capfd.readouterr().err == "the reason\n"
