"""The kinds of run: what they name exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tf_pruned_rl import config
from tf_pruned_rl.config import kinds

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def test_every_kind_has_one_configuration():
    assert [of.kind for of in config.CONFIGS] == list(kinds.KINDS)
    assert [kind.name for kind in kinds.KINDS] == ["online", "offline", "continuous"]


@pytest.mark.parametrize("of", config.CONFIGS, ids=lambda of: of.kind.name)
def test_what_a_kind_names_exists(of):
    fields = config.fields(of)
    assert fields[of.kind.budget_field].type == "int" and fields[of.kind.task_field].type == "str"
    # The same name reads the task of every kind.
    assert of().environment.game == config.flatten(of())[of.kind.task_field]
    assert (EXPERIMENTS / f"{of.kind.name}.py").is_file()


@pytest.mark.parametrize(
    ("of", "frames"), zip(config.CONFIGS, (4, 1, 1), strict=True), ids=lambda value: str(value)[-20:]
)
def test_frames_per_step(of, frames):
    assert of().frames_per_step == frames


def test_frames_per_step_follow_the_frame_skip():
    assert config.replace(config.ExperimentConfig(), frame_skip=1).frames_per_step == 1
    # Offline the skip is that of the evaluation only.
    assert config.replace(config.OfflineConfig(), frame_skip=2).frames_per_step == 1
