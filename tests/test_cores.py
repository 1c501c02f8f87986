"""Cores are counted that this process may use."""

from __future__ import annotations

import os

from tf_pruned_rl import cores


def test_only_those_given_to_the_process_count(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5, 6}, raising=False)
    assert cores.available() == 3


def test_all_count_where_the_system_does_not_tell(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert cores.available() == 8
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores.available() == 1
