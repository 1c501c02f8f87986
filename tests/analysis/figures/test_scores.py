"""Scores of runs: normalised, missing ones named, arms compared on the same games."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from tf_pruned_rl.analysis import figures
from tf_pruned_rl.analysis.figures import estimates, scores
from tf_pruned_rl.config import units
from tf_pruned_rl.environments import games
from tf_pruned_rl.errors import UserError

ALL = figures.figure("1", "smoke")
PONG, BREAKOUT = games.SCORES["Pong"], games.SCORES["Breakout"]


def part(*tasks: str, seeds: int = 2) -> figures.Figure:
    """Figure 1 with DQN at one width only, on some games."""
    panel = dataclasses.replace(ALL.panels[0], values=(0.25,))
    return dataclasses.replace(ALL, panels=(panel,), tasks=tasks, seeds=seeds)


def collect(make_sweep, tmp_path, figure, returns) -> scores.FigureScores:
    return scores.collect(figure, make_sweep(figure, tmp_path / "runs", returns))


def test_arrays_of_human_normalised_scores(make_sweep, tmp_path):
    figure = part("Pong", "Breakout")
    level = {("Pong", "Dense"): -20.7, ("Pong", "95 % pruned"): 14.6}
    collected = collect(
        make_sweep,
        tmp_path,
        figure,
        lambda run: [0.0, level.get((run.task, run.arm), 30.5 * (1 + run.seed))],
    )
    assert collected.notes == ()
    dense, pruned = collected.subplots[0].groups
    assert (dense.arm, dense.value, dense.tasks, dense.seeds) == ("Dense", 0.25, ("Pong", "Breakout"), 2)
    assert dense.scores.shape == (2, 2, 2)
    total = units.length(figure.runs()[0].config)
    assert dense.frames.tolist() == [figure.common["iteration_frames"], 2 * figure.common["iteration_frames"]]
    assert total == 4 * figure.common["iteration_frames"]
    random, human = BREAKOUT
    of_breakout = [(score - random) / (human - random) for score in (30.5, 61.0)]
    np.testing.assert_allclose(dense.scores[..., -1], [[0, of_breakout[0]], [0, of_breakout[1]]], atol=1e-12)
    np.testing.assert_allclose(pruned.scores[..., -1], [[1, of_breakout[0]], [1, of_breakout[1]]], rtol=1e-12)


def test_games_without_a_human_score_are_left_out_by_name(make_sweep, tmp_path):
    collected = collect(make_sweep, tmp_path, part("Carnival", "Pong", "AirRaid"), lambda run: [1.0])
    assert collected.notes == ("without a human score, and left out: Carnival, AirRaid",)
    assert [group.tasks for group in collected.subplots[0].groups] == [("Pong",), ("Pong",)]
    row = next(row for row in estimates.run_rows(collected) if row["game"] == "Carnival")
    assert row["counted"] == "no" and row["final_return"] == 1.0 and "final_score" not in row


def test_missing_and_unfinished_runs_are_named_and_do_not_count(make_sweep, tmp_path):
    figure = part("Pong", "Breakout", seeds=3)
    collected = make_sweep(
        figure,
        tmp_path / "runs",
        lambda run: None if (run.arm, run.task, run.seed) == ("Dense", "Pong", 1) else [float(run.seed)] * 4,
    )
    (cut,) = [run for run in figure.runs() if (run.arm, run.task, run.seed) == ("Dense", "Breakout", 0)]
    (collected / cut.name / "summary.json").unlink()
    lines = (collected / cut.name / "metrics.jsonl").read_text().splitlines()
    (collected / cut.name / "metrics.jsonl").write_text("\n".join(lines[:3]) + "\n")
    scored = scores.collect(figure, collected)
    total = units.length(cut.config)
    assert scored.notes == (
        "DQN, Dense, width 0.25: 2 of 6 runs do not count: Pong seed 1 is missing; Breakout seed 0 is "
        f"unfinished ({total * 3 // 4:,} of {total:,} frames)",
        "DQN, Dense, width 0.25: 2 of 3 seeds",
    )
    dense, pruned = scored.subplots[0].groups
    assert (dense.seeds, pruned.seeds) == (2, 3)
    assert [(run.plan.task, run.plan.seed) for run in dense.runs] == [
        *(("Pong", 0), ("Breakout", 1)),
        *(("Pong", 2), ("Breakout", 2)),
    ]
    states = {
        (r["arm"], r["game"], r["seed"]): (r["state"], r["counted"]) for r in estimates.run_rows(scored)
    }
    assert states["Dense", "Pong", 1] == ("missing", "no")
    assert states["Dense", "Breakout", 0] == ("unfinished", "no")
    assert states["Dense", "Breakout", 1] == ("done", "yes")
    assert len(states) == 12


def test_arms_are_compared_on_games_that_all_have(make_sweep, tmp_path):
    collected = collect(
        make_sweep,
        tmp_path,
        part("Pong", "Breakout"),
        lambda run: None if (run.arm, run.task) == ("Dense", "Pong") else [1.0],
    )
    assert [group.tasks for group in collected.subplots[0].groups] == [("Breakout",), ("Breakout",)]
    assert "DQN: not done by every arm, and left out for all of them: Pong" in collected.notes


def test_an_arm_without_any_run_leaves_the_games_to_the_others(make_sweep, tmp_path):
    collected = collect(make_sweep, tmp_path, part("Pong"), lambda run: None if run.arm == "Dense" else [1.0])
    assert [group.arm for group in collected.subplots[0].groups] == ["95 % pruned"]
    assert collected.notes == ("DQN, Dense, width 0.25: all 2 runs are missing",)


def test_an_iteration_without_a_finished_episode_is_as_the_one_before(make_sweep, tmp_path):
    curves = {0: [None, 3.0, None, 5.0], 1: [2.0, 4.0, 6.0, None]}
    collected = collect(make_sweep, tmp_path, part("Pong"), lambda run: curves[run.seed])
    group = collected.subplots[0].groups[0]
    every = ALL.common["iteration_frames"]
    assert group.frames.tolist() == [2 * every, 3 * every, 4 * every]
    back = group.scores * (PONG[1] - PONG[0]) + PONG[0]
    np.testing.assert_allclose(back[:, 0], [[3, 3, 5], [4, 6, 6]])


def test_a_run_without_any_finished_episode_does_not_count(make_sweep, tmp_path):
    collected = collect(make_sweep, tmp_path, part("Pong"), lambda run: [None if run.seed else 1.0])
    assert "Pong seed 1 is without a finished episode" in collected.notes[0]
    assert collected.subplots[0].groups[0].seeds == 1


def test_minatar_lies_between_random_play_and_the_best_run(make_sweep, tmp_path):
    figure = figures.figure("1", "smoke", "minatar")
    tasks = figure.tasks[:1]
    figure = dataclasses.replace(figure, tasks=tasks, panels=figure.panels[:1])
    random = games.MINATAR[tasks[0]].random
    collected = collect(
        make_sweep, tmp_path, figure, lambda run: [random + (run.arm != "Dense") * (1 + run.seed)]
    )
    assert collected.scales[tasks[0]] == scores.Scale(random, random + 2)
    dense, *_, pruned = collected.subplots[0].groups
    np.testing.assert_allclose(dense.scores.ravel(), [0, 0], atol=1e-12)
    np.testing.assert_allclose(pruned.scores.ravel(), [0.5, 1])


def test_where_no_run_beats_random_play_a_score_is_one_return(make_sweep, tmp_path):
    figure = figures.figure("1", "smoke", "minatar")
    collected = collect(make_sweep, tmp_path, figure, lambda run: [0.0])
    assert all(scale.one - scale.zero == 1 for scale in collected.scales.values())


def test_returns_of_continuous_control_have_axes_for_each_task(make_sweep, tmp_path):
    figure = figures.figure("9", "smoke")
    collected = collect(make_sweep, tmp_path, figure, lambda run: [1.0, 2.0 + run.seed])
    assert [subplot.title for subplot in collected.subplots] == list(figure.tasks)
    group = collected.subplots[0].groups[0]
    assert group.scores[..., -1].tolist() == [[2.0], [3.0]]
    assert estimates.Options().name(collected.subplots[0]) == "mean"
    with pytest.raises(UserError, match="optimality_gap needs normalised"):
        estimates.Options("optimality_gap").check(figure)


def test_all_games_together_and_each_by_itself(make_sweep, tmp_path):
    figure = figures.figure("minatar", "smoke")
    low, high = (games.MINATAR[task].random for task in figure.tasks)
    lost = [run for run in figure.runs() if run.task == "Breakout" and run.arm == "Dense" and run.seed][0]
    best = {"Breakout": low + 2, "SpaceInvaders": high + 10}
    collected = collect(
        make_sweep,
        tmp_path,
        figure,
        lambda run: None if run.run_id == lost.run_id else [best[run.task] if run.seed == 0 else 1.0],
    )
    both, *each = collected.subplots
    assert [subplot.title for subplot in collected.subplots] == ["Both games", *figure.tasks]
    assert [subplot.normalised for subplot in collected.subplots] == [True, False, False]
    assert both.groups[0].seeds == 1 and both.groups[0].scores.ravel().tolist() == [1.0, 1.0]
    assert [subplot.groups[0].seeds for subplot in each] == [1, 2]
    assert each[1].groups[0].scores.ravel().tolist() == [best["SpaceInvaders"], 1.0]
    assert [estimates.Options().name(subplot) for subplot in collected.subplots] == ["iqm", "mean", "mean"]
    assert collected.notes == (
        "Both games, Dense, width 0.25: 1 of 4 runs do not count: Breakout seed 1 is missing",
        "Both games, Dense, width 0.25: 1 of 2 seeds",
    )
    with pytest.raises(UserError, match="optimality_gap needs normalised"):
        estimates.Options("optimality_gap").check(figure)


def test_no_folder_is_one_clear_error(tmp_path):
    with pytest.raises(UserError, match="no folder of runs at .*sweep.py"):
        scores.collect(ALL, tmp_path / "nowhere")


def test_a_run_of_a_version_without_a_field_is_found(make_sweep, tmp_path):
    figure = part("Pong")
    directory = make_sweep(figure, tmp_path / "runs", lambda run: [1.0])
    first, second = figure.runs()[:2]
    for run, field in ((first, "adam_epsilon"), (second, "sparsity")):
        old = directory / f"{run.name[:-6]}000000"
        (directory / run.name).rename(old)
        values = json.loads((old / "config.json").read_text())
        values["threads"] = 9
        del values[field]
        if run is second:
            values["gamma"] = 0.5  # another run
        (old / "config.json").write_text(json.dumps(values))
    assert [one.state for one in scores.read(figure, directory)][:2] == ["done", "missing"]
