"""What a result must say about the machine it was measured on; no names and no paths."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from tf_pruned_rl import runtime

RESULTS = Path(__file__).resolve().parents[1] / "results"
_FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "avx512_vnni", "amx_tile", "amx_bf16")
_PACKAGES = ("tensorflow", "tf-keras", "tf-agents", "numpy", "ale-py", "gymnasium", "mujoco")


def describe() -> dict[str, object]:
    """Returns processor, cores, memory, system and versions."""
    information = _cpu_information()
    return {
        "processor": information.get("model name", platform.processor() or platform.machine()),
        "family_model_stepping": [information.get(name, "") for name in ("cpu family", "model", "stepping")],
        "cores": runtime.available_cores(),
        "flags": [flag for flag in _FLAGS if flag in information.get("flags", "").split()],
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def _cpu_information() -> dict[str, str]:
    """Returns the first processor's entries (Linux), or nothing."""
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def write(out: Path | None, name: str, content: Mapping[str, object]) -> None:
    """Writes a JSON file with the machine's description before ``content``.

    Args:
      out: where; None is benchmarks/results/NAME.json.
      name: of the file, if ``out`` is None.
      content: plain values; numbers are rounded to five digits.
    """
    out = out or RESULTS / f"{name}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_rounded({"machine": describe(), **content}), indent=1)
    out.write_text(text + "\n", encoding="utf-8")


def _rounded(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


class Watch:
    """A context manager around a measurement of one process: what did the others do meanwhile?

    Attributes:
      foreign_cores: after it, how many cores others kept busy, stolen time included.
    """

    def __init__(self, pid: int):
        self._process = psutil.Process(pid)
        self.foreign_cores = 0.0

    def __enter__(self) -> Watch:
        self._start, self._before = time.monotonic(), self._others()
        return self

    def __exit__(self, *exception: object) -> None:
        seconds = time.monotonic() - self._start
        self.foreign_cores = max(0.0, (self._others() - self._before) / seconds)

    def _others(self) -> float:
        """Processor seconds of everybody else so far."""
        everybody, own = psutil.cpu_times(), self._process.cpu_times()
        idle = everybody.idle + getattr(everybody, "iowait", 0.0)
        # A guest's time is in the user's already.
        return sum(everybody[:8]) - idle - own.user - own.system
