"""The trace begins when training is at speed, lasts one tick and happens once."""

from __future__ import annotations

import pytest

from tf_pruned_rl.training import profiling
from tf_pruned_rl.training.loop import Tick


def tick(*, steady: bool) -> Tick:
    return Tick(0, 0, 0, 1.0, (), steady)


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
    written = [profile.at(tick(steady=n > 1)) for n in range(6)]
    assert written == [False, False, False, True, False, False]
    assert calls == [f"start {tmp_path}", "stop"]


def test_a_run_that_ends_early_leaves_what_there_is(calls, tmp_path):
    profile = profiling.Profile(tmp_path)
    profile.at(tick(steady=True))
    profile.close()
    profile.close()
    assert not profile.at(tick(steady=True)) and calls == [f"start {tmp_path}", "stop"]


def test_without_a_directory_nothing_happens(calls):
    profile = profiling.Profile(None)
    assert not any(profile.at(tick(steady=True)) for _ in range(2))
    profile.close()
    assert calls == []
