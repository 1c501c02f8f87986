"""Replay of single frames: n-step transitions of stacked frames, uniform or prioritized."""

from __future__ import annotations

from tf_pruned_rl.replay.batch import Batch
from tf_pruned_rl.replay.buffer import FrameReplay, create
from tf_pruned_rl.replay.memory import bytes_needed, check_memory, describe_memory

__all__ = ["Batch", "FrameReplay", "bytes_needed", "check_memory", "create", "describe_memory"]
