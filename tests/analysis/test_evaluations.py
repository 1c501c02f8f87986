"""The figure of evaluation returns: who is put together, what is said, drawn and written."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from tf_pruned_rl import config
from tf_pruned_rl.analysis import evaluations, results
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.training.records import Record

DENSE = {"pruning": "none"}


@pytest.fixture
def make_run(tmp_path, write_run):
    """Returns a function that writes a run of SAC, evaluated every 10,000 steps."""

    def make(name: str, means, env: str = "HalfCheetah-v5", **fields):
        experiment = config.replace(config.preset("sac"), env=env, **fields)
        records = [
            Record("evaluation", steps, steps, steps, {"episodes": 5.0, "mean_return": mean})
            for steps, mean in zip(range(10_000, 1_000_000, 10_000), means, strict=False)
        ]
        return results.load_run(write_run(tmp_path / name, experiment, records))

    return make


def test_seeds_are_put_together_and_averaged_where_all_have_been(make_run):
    runs = [
        make_run("a", [1.0, 2.0, 9.0], **DENSE),
        make_run("pruned", [5.0]),
        make_run("b", [3.0, 5.0], seed=1, **DENSE),
        make_run("walker", [7.0], env="Walker2d-v5", **DENSE),
    ]
    dense, pruned, walker = evaluations.groups(runs)
    assert dense.runs == (runs[0], runs[2])
    assert (dense.name, dense.game) == ("SAC HalfCheetah-v5 mlp dense", "HalfCheetah-v5")
    assert pruned.name == "SAC HalfCheetah-v5 mlp 95 % pruned"
    assert walker.name == "SAC Walker2d-v5 mlp dense"
    frames, mean = dense.mean()
    np.testing.assert_array_equal(frames, [10_000, 20_000])
    np.testing.assert_array_equal(mean, [2.0, 3.5])
    assert [evaluations.verdict(group) for group in (dense, pruned)] == [
        "SAC HalfCheetah-v5 mlp dense: 3.5 after 20,000 steps (seeds: 2, 5)",
        "SAC HalfCheetah-v5 mlp 95 % pruned: 5 after 10,000 steps",
    ]


def test_a_run_not_yet_evaluated_is_named_and_the_others_are_drawn(make_run):
    one, other = make_run("a", [1.0]), make_run("b", [])
    drawn, absent = evaluations.with_evaluations([one, other])
    assert drawn == [one]
    assert absent == [f"not drawn: {other.directory} holds no evaluation yet"]


def test_runs_never_evaluated_are_refused(make_run):
    with pytest.raises(UserError, match=r"a holds no evaluation: .*--returns=training"):
        evaluations.with_evaluations([make_run("a", []), make_run("b", [])])


def test_figure_and_numbers(make_run, tmp_path):
    runs = [
        make_run("a", [1.0, 2.0], **DENSE),
        make_run("b", [3.0, 6.0], seed=1, **DENSE),
        make_run("p", [0.0, 1.0]),
        make_run("w", [7.0, 8.0], env="Walker2d-v5"),
    ]
    groups = evaluations.groups(runs)
    cheetah, walker = evaluations.draw(groups, "A title").axes
    assert [axes.get_title("left") for axes in (cheetah, walker)] == ["HalfCheetah-v5", "Walker2d-v5"]
    legend = [text.get_text() for text in cheetah.get_legend().get_texts()]
    assert legend == ["SAC mlp dense (2 seeds)", "SAC mlp 95 % pruned"]
    dots = [line for line in cheetah.get_lines() if line.get_marker() == "o"]
    np.testing.assert_array_equal(dots[0].get_xydata(), [[10_000, 2.0], [20_000, 4.0]])
    fine = [line.get_ydata().tolist() for line in cheetah.get_lines() if line.get_marker() != "o"]
    assert fine == [[1.0, 2.0], [3.0, 6.0]]
    # The same setting has the same colour in every panel.
    (other,) = (line for line in walker.get_lines() if line.get_marker() == "o")
    assert other.get_color() == dots[1].get_color() != dots[0].get_color()

    table = evaluations.save(groups, tmp_path / "figure.png")
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert {name: rows[2][name] for name in ("game", "pruned_to", "seed", "frames", "mean_return")} == {
        "game": "HalfCheetah-v5",
        "pruned_to": "0",
        "seed": "1",
        "frames": "10000",
        "mean_return": "3.0",
    }
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
