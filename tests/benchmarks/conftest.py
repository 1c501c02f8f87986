"""The benchmarks are scripts: their folder is on the path when they run, and here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

# A contender that needs no time: it makes 100 agent steps a second, fewer at a larger width.
_TINY = """
import sys
from measuring import worker
from measuring.settings import ControlSettings, Settings

class Tiny:
    def __init__(self, settings):
        print("chatter, which must not be taken for an answer")
        self._settings = settings
        if settings.width == 13:
            sys.exit("thirteen is too many")

    def about(self):
        operations = {"forward_operations": 2, "train_step_operations": 10}
        return {"parameters": 1000, "startup_seconds": 2.5, **operations}

    def loop(self, seconds):
        return worker.slice_of(int(100 * seconds / self._settings.width), seconds)

    def parts(self, seconds):
        return {"train": 20.0, "action": 1.0, "environment": 0.5, "add": 0.01, "sample": 0.1}

    def peak(self, seconds):
        return {"float32 2x2 1->1": 1e3, "float32 4x4 1->1": 2e3, "bfloat16 2x2 1->1": 3e3}

    def layers(self, seconds):
        return {"float32 conv": 6.0, "float32 dense": 2.0, "bfloat16 conv": 3.0, "bfloat16 dense": 1.0}

    def rare(self):
        ms = 40.0 if self._settings.pruned else 0.0
        return {"mask_update": ms / 4000, "target_update": 0.0, "log_line": 0.0, "one_mask_update": ms}

worker.serve(Tiny, ControlSettings if "control" in __spec__.name else Settings)
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Makes the module of a contender that needs no time, and returns its name."""
    from measuring import contender

    folder = tmp_path / "contenders"
    folder.mkdir()
    (folder / "measuring").symlink_to(BENCHMARKS / "measuring")
    for name in ("tiny", "tiny_control"):
        (folder / f"{name}.py").write_text(_TINY)
    monkeypatch.setattr(contender, "BENCHMARKS", folder)
    monkeypatch.setattr(contender, "PEERS", tmp_path / ".peers")
    return "tiny"
