"""The trace begins when training is at speed, lasts one tick and happens once."""

from __future__ import annotations

import pytest

from tf_pruned_rl.training import profiling
from tf_pruned_rl.training.loop import Tick


def tick(gradient_steps: int) -> Tick:
    return Tick(0, 0, gradient_steps, 1.0, ())


@pytest.fixture
def calls(monkeypatch) -> list[str]:
    seen: list[str] = []
    monkeypatch.setattr(
        profiling.tf.profiler.experimental, "start", lambda path: seen.append(f"start {path}")
    )
    monkeypatch.setattr(profiling.tf.profiler.experimental, "stop", lambda: seen.append("stop"))
    return seen


def test_one_tick_is_traced(calls, tmp_path):
    profile = profiling.Profile(tmp_path)
    written = [profile.at(tick(n)) for n in (0, 49, 50, 80, 110, 140)]
    assert written == [False, False, False, True, False, False]
    assert calls == [f"start {tmp_path}", "stop"]


def test_a_run_that_ends_early_leaves_what_there_is(calls, tmp_path):
    profile = profiling.Profile(tmp_path)
    profile.at(tick(60))
    profile.close()
    profile.close()
    assert not profile.at(tick(70)) and calls == [f"start {tmp_path}", "stop"]


def test_without_a_directory_nothing_happens(calls):
    profile = profiling.Profile(None)
    assert not any(profile.at(tick(n)) for n in (60, 70))
    profile.close()
    assert calls == []
