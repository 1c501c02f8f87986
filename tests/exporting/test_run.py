"""Exporting a run directory: the newest intact checkpoint, or one line that says what is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import config
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.environments import DiscreteSpec, games
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.exporting import formats
from tf_pruned_rl.exporting.run import load_run
from tf_pruned_rl.policies.policy import load_policy
from tf_pruned_rl.training.checkpoint import Checkpointer
from tf_pruned_rl.training.learner import Learner

CONFIG = config.replace(
    config.preset("dqn", "quick"), network="nature", width=0.25, game="Breakout", replay_capacity=2000
)


def export_run(run_dir: Path, directory: Path | None = None) -> tuple[Path, dict]:
    """Exports as export.py does without a format."""
    return formats.export(load_run(run_dir), directory or run_dir / "policy", ["saved_model"])[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, np.ndarray]:
    """Returns a run directory with checkpoints at gradient steps 1000 and 1200, and the last bias."""
    directory = tmp_path_factory.mktemp("made") / "run"
    learner = Learner(CONFIG, DiscreteSpec(len(games.minimal_actions("Breakout"))))
    directory.mkdir()
    (directory / "config.json").write_text(config_io.to_json(CONFIG))
    checkpointer = Checkpointer(directory / "checkpoints", {"learner": learner.state()})
    for step, results in ((1000, {}), (1200, {"iteration_mean_return": 3.5})):
        learner.gradient_steps.assign(step)
        learner.agent.model.weights[-1].assign_add([1.0, 2.0, 3.0, 4.0])
        learner.pruner.after_gradient_step(tf.constant(step, tf.int64))
        checkpointer.save(agent_steps=4 * step, frames=16 * step, extra={"results": results})
    return directory, learner.agent.model.weights[-1].numpy()


@pytest.fixture
def run_dir(made, tmp_path) -> Path:
    return Path(shutil.copytree(made[0], tmp_path / "run"))


def bias(directory: Path) -> np.ndarray:
    return load_policy(directory).runtime.saved_model.weights[-1].numpy()


def test_newest_checkpoint_becomes_the_policy(run_dir, made):
    directory, description = export_run(run_dir)
    assert directory == run_dir / "policy"
    np.testing.assert_array_equal(bias(directory), made[1])
    assert description["action_meanings"] == ["NOOP", "FIRE", "RIGHT", "LEFT"]
    assert description["training"] == {
        "frames": 19200,
        "agent_steps": 4800,
        "gradient_steps": 1200,
        "mean_return": 3.5,
    }
    assert 0 < description["sparsity"] < 0.95


def test_elsewhere(run_dir, tmp_path):
    directory, _ = export_run(run_dir, tmp_path / "elsewhere")
    assert directory == tmp_path / "elsewhere" and (directory / "policy.json").is_file()
    assert not (run_dir / "policy").exists()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_damaged_checkpoint_is_passed_over_and_left_alone(run_dir, capsys):
    newest = run_dir / "checkpoints" / "000002"
    cut(next((newest / "learner").iterdir()))
    (run_dir / "checkpoints" / "tmp-000003").mkdir()  # a run that is saving right now
    before = sorted(run_dir.rglob("*"))
    directory, description = export_run(run_dir)
    assert description["training"]["gradient_steps"] == 1000
    assert description["training"]["mean_return"] is None  # before the first iteration's end
    assert "000002" in capsys.readouterr().err
    assert [path for path in sorted(run_dir.rglob("*")) if directory not in (path, *path.parents)] == before


def remove_checkpoints(run: Path) -> None:
    for path in (run / "checkpoints").iterdir():
        (path / "manifest.json").unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: (run / "config.json").unlink(), "no config.json"),
        (lambda run: cut(run / "config.json"), "config.json"),
        (lambda run: (run / "checkpoints").rename(run / "gone"), "no checkpoint yet"),
        (remove_checkpoints, "no checkpoint in .* is intact"),
        (
            lambda run: (run / "config.json").write_text(
                config_io.to_json(config.replace(CONFIG, width=0.5))
            ),
            "config.json",
        ),
    ],
    ids=["no run", "cut config", "no checkpoint", "damaged checkpoints", "other network"],
)
def test_mistakes_are_one_line(run_dir, damage, message):
    damage(run_dir)
    with pytest.raises(UserError, match=message) as caught:
        export_run(run_dir)
    assert "\n" not in str(caught.value)
    assert not (run_dir / "policy").exists()
