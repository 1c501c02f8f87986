"""continuous.py through its main: with contenders that need no time, and for real."""

from __future__ import annotations

import json
from pathlib import Path

import continuous
import pytest
from measuring import contender
from measuring.settings import ControlSettings

from tf_pruned_rl import config


@pytest.fixture
def out(tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts the contender that needs no time in everybody's place; returns where to write."""
    kind = contender.Kind(f"{tiny}_control")
    monkeypatch.setattr(continuous, "CONTROL", kind)
    monkeypatch.setattr(continuous, "CONTROL_FLOOR", kind)
    kinds = {"tf_agents": kind, "sb3": contender.Kind(f"{tiny}_control", "sb3")}
    monkeypatch.setattr(continuous, "CONTROL_KINDS", kinds)
    return tmp_path / "out.json"


def test_the_tables(out, capsys):
    flags = ["--env=Hopper", "--width=2", "--rounds=2", "--seconds=1", f"--out={out}"]
    assert continuous.main(flags) == 0
    printed = capsys.readouterr().out
    for line in (
        "sac, 512x512, Hopper-v5, batch 256, replay ratio 1, replay 100,000: milliseconds",
        "ours dense   1.00 (1.00 to 1.00)",
        "sb3: not installed: make bench-peers",
        "one mask update takes 40 ms",
    ):
        assert line in printed, line
    floors = printed.split("best matrix product")[1].splitlines()[3].split()
    # 10 operations at 2,000 a second, of 20 ms; layers 8 ms; (10 + 2) / 2,000 s and 0.5 ms; 50 steps/s.
    assert floors == "ours dense float32 20.0 5.00 25% 8.00 40% 50.0 154 32%".split()
    written = json.loads(out.read_text())
    assert written["settings"]["env"] == "Hopper-v5"
    assert set(written["contenders"]) == {"ours dense", "ours pruned", "tf_agents"}
    assert written["contenders"]["ours pruned"]["rare_ms"]["one_mask_update"] == 40
    # Of a step of 20 ms, the parts explain 21.5: some of it happens side by side.
    assert written["contenders"]["ours dense"]["left_over_ms"] == pytest.approx(-1.5)


@pytest.mark.parametrize(
    ("flag", "word"), [("--ours=bf16", "bf16"), ("--peers=dopamine", "dopamine"), ("--env=Hoper", "Hopper")]
)
def test_mistakes_are_told(flag, word, capsys):
    with pytest.raises(SystemExit):
        continuous.parse_flags([flag])
    assert word in capsys.readouterr().err


def test_the_run_is_the_papers_but_for_the_settings_and_the_weight_decay():
    from measuring.control import control_config

    paper = config.replace(config.preset("sac"), l2_regularization=0.0)
    asked = {"replay_capacity": 100_000, "pruning": "none"}
    assert control_config(ControlSettings()) == config.replace(paper, **asked)
    changed = control_config(ControlSettings("Hopper", width=5, pruned=True, threads=3, warmup=7))
    asked = {"replay_capacity": 100_000, "env": "Hopper-v5", "width": 5, "threads": 3}
    assert changed == config.replace(paper, **asked, min_replay_history=7)


@pytest.mark.slow
def test_for_real(tmp_path):
    flags = ["--env=Pendulum", "--width=0.25", "--peers=tf_agents", "--replay_capacity=2000"]
    flags += ["--rounds=2", "--seconds=1", "--warmup=300", f"--out={tmp_path / 'out.json'}"]
    assert continuous.main(flags) == 0
    written = json.loads((tmp_path / "out.json").read_text())
    found = written["contenders"]
    assert found["ours pruned"]["about"]["parameters"] == found["tf_agents"]["about"]["parameters"]
    assert found["ours dense"]["about"]["sparsity"] == 0
    assert found["ours pruned"]["about"]["sparsity"] == pytest.approx(0.95 * 7 / 8, abs=0.02)
    assert all(each["steps_per_second"] > 1 for each in found.values())
    assert written["limits"]["peak_rates"]["float32"][1] > 1e9
