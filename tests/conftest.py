"""What every test needs before it starts."""

import pytest

# Before TensorFlow: it decides then which Keras it has, and how it takes a GPU's memory.
import tf_pruned_rl  # noqa: F401


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs each test in an empty folder, so that a default run directory never lands in the source."""
    monkeypatch.chdir(str(tmp_path))
