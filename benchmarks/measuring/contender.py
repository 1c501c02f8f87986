"""The measuring side: starts contenders, asks one at a time, closes them."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from measuring.settings import AnySettings, Settings

BENCHMARKS = Path(__file__).resolve().parents[1]
PEERS = BENCHMARKS.parent / ".peers"
_PATIENCE = 900.0
"""Seconds within which any answer must come."""


class ContenderError(Exception):
    """A contender died or fell silent; the message ends with what it last printed."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """How a sort of contender is run.

    Attributes:
      module: its worker, run with -m from the benchmarks folder.
      environment: folder of its virtual environment below .peers, or "" for this one.
      lacks: says what of the settings it does not have, or nothing.
      note: what the reader of a table must know.
    """

    module: str
    environment: str = ""
    lacks: Callable[[Any], str] = lambda settings: ""
    note: str = ""

    @property
    def python(self) -> Path:
        """The interpreter."""
        return PEERS / self.environment / "bin" / "python" if self.environment else Path(sys.executable)

    def missing(self, settings: AnySettings) -> str:
        """Returns why it cannot take part, or nothing."""
        if self.environment and not (self.python.parent / ".installed").exists():
            return "not installed: make bench-peers"
        return self.lacks(settings)


def _only_dqn(settings: Settings) -> str:
    return "" if settings.agent == "dqn" else f"has no {settings.agent}"


def _dopamine_lacks(settings: Settings) -> str:
    if settings.network == "nature":
        return "" if settings.width == 1 else "its Nature network has one width"
    return "" if settings.width == int(settings.width) else "its widths are whole numbers"


OURS = Kind("measuring.ours")
FLOOR = Kind("measuring.floor")
KINDS: dict[str, Kind] = {
    "tf_agents": Kind(
        "peers.tf_agents_atari", note="same TensorFlow as ours; rainbow is C51 with uniform replay"
    ),
    "sb3": Kind("peers.sb3_atari", "sb3", _only_dqn, "our network as its features extractor"),
    "dopamine": Kind("peers.dopamine_atari", "dopamine", _dopamine_lacks),
    "keras": Kind(
        "peers.keras_atari", lacks=_only_dqn, note="a bare step: no emulator, no action, no replay"
    ),
}
"""The peers by the name they have on the command line."""

CONTROL = Kind("measuring.control")
CONTROL_FLOOR = Kind("measuring.control_floor")
CONTROL_KINDS: dict[str, Kind] = {
    "tf_agents": Kind("peers.tf_agents_control", note="same TensorFlow as ours"),
    "sb3": Kind("peers.sb3_control", "sb3"),
}
"""The peers in continuous control."""


class Contender:
    """A child process that sleeps until it is asked. Use it as a context manager."""

    def __init__(self, name: str, kind: Kind, settings: AnySettings):
        self.name = name
        self.kind = kind
        self.settings = settings
        self._log = tempfile.TemporaryFile()
        # Its working directory: some libraries leave files there.
        self._folder = tempfile.TemporaryDirectory()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> dict[str, Any]:
        """Starts the process, which builds and warms up; returns its ``about``."""
        environment = {**os.environ, "PYTHONPATH": str(BENCHMARKS), "TF_CPP_MIN_LOG_LEVEL": "3"}
        if not self.kind.environment:  # the package of this checkout, whatever else is installed
            environment["PYTHONPATH"] += os.pathsep + str(BENCHMARKS.parent)
        self._process = subprocess.Popen(
            [self.kind.python, "-m", self.kind.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            cwd=self._folder.name,
        )
        return self._talk(dataclasses.asdict(self.settings))

    @property
    def pid(self) -> int:
        """The process's number, while it runs."""
        assert self._process is not None
        return self._process.pid

    def ask(self, method: str, *arguments: float | str) -> dict[str, float]:
        """Has the worker run one of its methods; returns the result."""
        return self._talk({"method": method, "arguments": arguments})

    def _talk(self, request: Mapping[str, object]) -> dict[str, Any]:
        assert self._process is not None and self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ContenderError(self._last_words()) from None
        ready, _, _ = select.select([self._process.stdout], [], [], _PATIENCE)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            raise ContenderError(self._last_words())
        return json.loads(line)

    def _last_words(self) -> str:
        self._log.seek(0)
        tail = self._log.read().decode(errors="replace").splitlines()[-15:]
        return "\n".join([f"{self.name} gave no answer; it last printed:", *tail])

    def close(self) -> None:
        """Ends the process."""
        if self._process is None:
            return
        self._process.kill()
        self._process.communicate()
        self._process = None

    def __enter__(self) -> Contender:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        self._log.close()
        self._folder.cleanup()
