"""The three kinds of run, and what differs between them for whoever starts, reads or names a run.

What is made differently for each kind (environment, replay, collector, ...) is found by small tables
``{kinds.ONLINE: ..., kinds.OFFLINE: ..., kinds.CONTINUOUS: ...}[config.kind]`` where it is made.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of run."""

    name: str
    """Also of its command, ``experiments/NAME.py``, and of the kind in the registries."""
    unit: str
    """What the length of a run is counted in."""
    budget_field: str
    """The field that holds the length."""
    task_field: str
    """The field that says what is played."""


ONLINE = Kind("online", unit="frames", budget_field="total_frames", task_field="game")
"""Plays games and learns from them, by DQN and its descendants. Frames are the emulator's."""

OFFLINE = Kind("offline", unit="gradient steps", budget_field="iterations", task_field="game")
"""Learns an Atari game from fixed data; the environment is for evaluation."""

CONTINUOUS = Kind("continuous", unit="steps", budget_field="total_steps", task_field="env")
"""Continuous control, by Soft Actor-Critic. Steps are the environment's."""

KINDS = (ONLINE, OFFLINE, CONTINUOUS)
