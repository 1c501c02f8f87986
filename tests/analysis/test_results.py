"""Run directories as they are read: whole, still going on, foreign."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from tf_pruned_rl.analysis import results
from tf_pruned_rl.errors import UserError


def test_iterations_and_series(make_run):
    run = results.load_run(make_run("run", [1.5, None, 7.25]))
    done = results.returns(run)
    assert done.index.tolist() == [0, 1, 2]
    assert done.frames.tolist() == [1_000_000, 2_000_000, 3_000_000]
    np.testing.assert_array_equal(done.mean_return, [1.5, np.nan, 7.25])
    assert done.episodes.tolist() == [5, 0, 5]
    frames, sparsity = results.series(run, "sparsity")
    assert frames.tolist() == [500_000, 1_000_000, 1_500_000, 2_000_000, 2_500_000, 3_000_000]
    np.testing.assert_allclose(sparsity, [0, 0.1, 0.1, 0.2, 0.2, 0.3])
    frames, returns = results.series(run, "mean_return")
    assert frames.tolist() == [500_000, 1_000_000, 2_500_000, 3_000_000]
    assert returns.tolist() == [1.5, 1.5, 7.25, 7.25]


def test_a_game_of_minatar_is_not_the_atari_game_of_that_name(make_run):
    runs = [
        results.load_run(make_run(name, [1.0], **extra))
        for name, extra in (("atari", {}), ("minatar", {"suite": "minatar"}))
    ]
    assert [run.game for run in runs] == [runs[0].config["game"], f"MinAtar {runs[0].config['game']}"]
    assert runs[1].name().replace("MinAtar ", "") == runs[0].name()


@pytest.mark.parametrize("tail", ['{"kind": "iteration", "fra', "", '{"kind": "progress"}'])
def test_a_line_without_its_end_is_left_out(make_run, tail):
    run = results.load_run(make_run("run", [1.0], tail=tail))
    assert len(results.returns(run).index) == 1
    assert len(run.records["progress"]) == 2


def test_a_run_that_has_written_nothing_yet(make_run):
    directory = make_run("run", [])
    (directory / "metrics.jsonl").unlink()
    run = results.load_run(directory)
    assert results.returns(run).frames.size == 0
    assert [part.size for part in results.series(run, "sparsity")] == [0, 0]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: (d / "config.json").unlink(), "no config.json"),
        (lambda d: (d / "config.json").write_text('{"agent": "dq'), "cannot read"),
        (lambda d: (d / "config.json").write_text("[]"), "one JSON object"),
        (lambda d: (d / "config.json").write_text('{"agent": "dqn"}'), "lacks game, network"),
        (lambda d: (d / "metrics.jsonl").write_text('{"loss": 1}\n'), "line 1"),
        (lambda d: (d / "metrics.jsonl").write_bytes(b"\xff\xfe\n"), "cannot read"),
    ],
    ids=["no config", "cut config", "list", "other config", "other metrics", "binary metrics"],
)
def test_foreign_folders_are_refused_in_one_line(make_run, spoil, message):
    directory = make_run("run", [1.0])
    spoil(directory)
    with pytest.raises(UserError, match=message) as error:
        results.load_run(directory)
    assert "\n" not in str(error.value)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="no run directory at"):
        results.load_run(tmp_path / "nowhere")


def test_names(make_run):
    pruned = {"pruning": "magnitude", "sparsity": 0.9}
    runs = {
        "DQN Breakout nature dense": make_run("a", []),
        "DQN Breakout nature 90 % pruned": make_run("b", [], **pruned),
        "Rainbow Pong impala x3 dense": make_run(
            "c", [], "rainbow", game="Pong", network="impala", width=3.0
        ),
        "DQN Qbert nature dense": make_run("d", [], game="Qbert", pruning="magnitude", sparsity=0.0),
    }
    assert list(runs) == [results.load_run(directory).name() for directory in runs.values()]


def test_setting_changes_are_those_of_protocol_and_learning_rule(make_run):
    same = make_run("a", [1.0], game="Qbert", seed=3, threads=2, total_frames=2_000_000, eval_every=1_000)
    assert results.load_run(same).setting_changes() == {}
    other = make_run("b", [1.0], num_envs=8, gamma=0.9, sticky_actions=0.0)
    assert results.load_run(other).setting_changes() == {"num_envs": 8, "sticky_actions": 0.0, "gamma": 0.9}
    rainbow = make_run("c", [1.0], "rainbow", n_step=1)
    assert results.load_run(rainbow).setting_changes() == {"n_step": 1}


def test_a_replay_that_never_fills_changes_nothing(make_run):
    fields = {"replay_capacity": 250_000}  # a million frames are 250,000 agent steps
    assert results.load_run(make_run("a", [1.0], **fields)).setting_changes() == {}
    assert results.load_run(make_run("b", [1.0, 2.0], **fields)).setting_changes() == fields


def test_a_config_with_fields_of_another_version_is_read(make_run):
    directory = make_run("run", [1.0])
    config = json.loads((directory / "config.json").read_text())
    del config["eval_steps"]
    (directory / "config.json").write_text(json.dumps(config | {"later": 1}))
    assert results.load_run(directory).name() == "DQN Breakout nature dense"


def test_reading_needs_no_tensorflow():
    code = "import sys; import tf_pruned_rl.analysis.curves; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
