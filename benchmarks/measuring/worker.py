"""The measured side: a process that sleeps on its standard input and measures when it is told to.

Standard library only: it runs inside the peers' environments as well.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Protocol

from measuring.settings import AnySettings, Settings


class Reporter(Protocol):
    """What any worker can be asked for, after it was built and warmed up."""

    def about(self) -> dict[str, object]:
        """Returns what is known of it: parameters, versions, start-up figures."""


class Worker(Reporter, Protocol):
    """What a contender can be asked for; times are in milliseconds."""

    def loop(self, seconds: float) -> dict[str, float]:
        """Trains for about ``seconds``; returns a ``slice_of`` it."""

    def parts(self, seconds: float) -> dict[str, float]:
        """Times the parts for about ``seconds`` in all; returns {part: median milliseconds}."""

    def rare(self) -> dict[str, float]:
        """Returns what seldom happens, {event: milliseconds per agent step}; asked for last."""


def process_age() -> float:
    """Returns the seconds since this process was started (Linux), its interpreter's start included."""
    with open("/proc/self/stat") as stat, open("/proc/uptime") as uptime:
        # The second field may hold spaces; starttime is the 22nd, in clock ticks.
        ticks = int(stat.read().rpartition(")")[2].split()[19])
        return float(uptime.read().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")


def resident_bytes() -> int:
    """Returns this process's resident memory (Linux)."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def median_ms(call: Callable[[], object], seconds: float, *, operations: int = 1) -> float:
    """Returns the median milliseconds of one of the ``operations`` in ``call``, after one warm-up call."""
    call()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times) / operations * 1e3


def run_for(step: Callable[[], None], seconds: float, agent_steps: int) -> dict[str, float]:
    """Repeats ``step``, of ``agent_steps`` agent steps, for ``seconds``; the form of Worker.loop."""
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        step()
        count += 1
    return slice_of(count * agent_steps, time.perf_counter() - start)


def slice_of(agent_steps: int, seconds: float) -> dict[str, float]:
    """Returns the answer of Worker.loop."""
    return {"agent_steps": agent_steps, "seconds": seconds, "resident_bytes": resident_bytes()}


def serve(make: Callable[..., Reporter], settings: type[AnySettings] = Settings) -> None:
    """Answers requests, one JSON object a line, until standard input ends.

    The first request holds the settings; the answer is the worker's ``about``. Each later one names
    a method and its arguments. Whatever libraries print goes to standard error.

    Args:
      make: builds the worker from the settings.
      settings: their class.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    worker = make(settings(**json.loads(sys.stdin.readline())))
    print(json.dumps(worker.about()), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        result = getattr(worker, request["method"])(*request["arguments"])
        print(json.dumps(result), file=answers)
