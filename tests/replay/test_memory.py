"""The estimate, and the refusal with advice."""

from __future__ import annotations

import re

import pytest

from tf_pruned_rl import config, runtime
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.replay import FrameReplay, bytes_needed, check_memory


@pytest.mark.parametrize("agent", ["dqn", "rainbow"])
def test_a_million_steps_fit_in_7_3_gigabytes(agent: str) -> None:
    assert 7.056e9 < bytes_needed(config.preset(agent)) <= 7.3e9


@pytest.mark.parametrize("sampling", ["uniform", "prioritized"])
def test_the_estimate_is_the_size_of_the_variables(sampling: str) -> None:
    experiment = config.replace(
        config.preset("dqn"), replay_capacity=1001, num_envs=2, replay_sampling=sampling
    )
    replay = FrameReplay(1001, num_envs=2, sampling=sampling)
    variables = [replay.ring.frames, *replay._small_variables().values()]
    size = sum(v.dtype.size * v.shape.num_elements() for v in variables)
    assert bytes_needed(experiment) == pytest.approx(size, abs=100)


def test_refusal_names_a_capacity_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "available_bytes", lambda: 4_000_000_000)
    experiment = config.preset("rainbow")
    with pytest.raises(UserError, match="7.08 GB.*4.00 GB") as error:
        check_memory(experiment)
    assert "\n" not in str(error.value)
    fits = int(re.search(r"use --replay_capacity=(\d+)", str(error.value)).group(1))
    check_memory(config.replace(experiment, replay_capacity=fits))
    with pytest.raises(UserError):
        check_memory(config.replace(experiment, replay_capacity=fits + 2_000))
    monkeypatch.setattr(runtime, "available_bytes", lambda: 1_000)
    with pytest.raises(UserError, match="everything else: free some memory"):
        check_memory(experiment)
