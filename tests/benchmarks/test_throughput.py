"""throughput.py and scaling.py through their mains: with contenders that need no time, and for real."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import scaling
import throughput
from measuring import contender, machine, report, results
from measuring.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def out(tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts the contender that needs no time in everybody's place; returns where to write."""
    ours = contender.Kind(tiny)
    monkeypatch.setattr(throughput, "OURS", ours)
    monkeypatch.setattr(throughput, "FLOOR", ours)
    monkeypatch.setattr(scaling, "OURS", ours)
    kinds = {"tf_agents": contender.Kind(tiny, note="a word"), "sb3": contender.Kind(tiny, "sb3")}
    monkeypatch.setattr(throughput, "KINDS", kinds)
    return tmp_path / "out.json"


def run(out: Path, *flags: str) -> int:
    return throughput.main(["--rounds=2", "--seconds=1", f"--out={out}", *flags])


def test_the_tables(out, capsys):
    assert run(out, "--ours=dense,pruned", "--peers=tf_agents,sb3") == 0
    printed = capsys.readouterr().out
    for line in (
        "dqn, impala width 1, Pong, batch 32, replay ratio 0.25",
        "neither network nor emulator (our loop with both hollow): 10.000 ms per agent step",
        "sb3: not installed: make bench-peers",
        "tf_agents: a word",
        "ours dense   1.00 (1.00 to 1.00)",
        "one mask update takes 40 ms",
        "cores busy meanwhile",
    ):
        assert line in printed, line
    floors = printed.split("best convolution")[1].splitlines()[3].split()
    # 10 operations at 2,000 a second, of 20 ms; layers 8 ms; (10 / 4 + 2) / 2,000 s and 0.5 ms.
    assert floors == "ours dense float32 20.0 5.00 25% 8.00 40% 100 364 27%".split()


def test_a_step_without_a_loop_has_no_floor_of_a_loop():
    about = {"forward_operations": 2, "train_step_operations": 10}
    limits = report.Limits(about, [{"float32 1x1 1->1": 2e3}], [{"float32 conv": 4.0}])
    loops = [{"agent_steps": 4, "seconds": 0.02, "resident_bytes": 1}]
    step = results.Measured("keras", loops=loops, parts=[{"train": 20.0}])
    row = limits.fractions(step, replay_ratio=0.25)
    assert row == ["keras", "float32", 20.0, 5.0, "25%", 4.0, "20%", 200.0, None, None]


def test_the_json(out):
    assert run(out, "--ours=dense,pruned", "--peers=sb3", "--width=2") == 0
    written = json.loads(out.read_text())
    assert written["settings"]["width"] == 2 and written["missing"] == [
        "sb3: not installed: make bench-peers"
    ]
    pruned = written["contenders"]["ours pruned"]
    assert pruned["steps_per_second"] == pytest.approx(1e3 / 20.01, rel=1e-4)
    assert pruned["left_over_ms"] == pytest.approx(20.01 - 5 - 1 - 0.5)
    assert written["limits"]["peak_rates"]["float32"] == ["4x4 1->1", 2e3]
    assert written["limits"]["layers_alone_ms"] == {"float32": 8, "bfloat16": 4}
    assert set(written["machine"]) >= {"processor", "cores", "flags", "memory_gb", "packages"}


def test_nobody_takes_part(out, capsys):
    assert run(out, "--ours=none", "--peers=sb3", "--no-floor") == 0
    assert "sb3: not installed: make bench-peers" in capsys.readouterr().out


def test_a_death_is_reported_with_its_last_words(out, capsys):
    assert run(out, "--width=13", "--no-floor", "--peers=none") == 1
    assert "thirteen is too many" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("flag", ["--ours=dnese", "--peers=tf-agents", "--agent=sac", "--width=wide"])
def test_mistakes_are_told(flag, capsys):
    with pytest.raises(SystemExit):
        throughput.parse_flags([flag])
    assert flag.split("=")[1] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("peer", "settings", "word"),
    [
        ("sb3", Settings(agent="rainbow"), "rainbow"),
        ("keras", Settings(agent="rainbow"), "rainbow"),
        ("dopamine", Settings(width=0.5), "whole"),
        ("dopamine", Settings(network="nature", width=3), "one width"),
        ("tf_agents", Settings(width=0.5, agent="rainbow"), ""),
    ],
)
def test_what_a_peer_lacks(peer, settings, word):
    said = contender.KINDS[peer].lacks(settings)
    assert word in said and bool(word) == bool(said)


def test_the_peers_have_pins_and_workers():
    for name, kind in [*contender.KINDS.items(), *contender.CONTROL_KINDS.items()]:
        assert (ROOT / "benchmarks" / (kind.module.replace(".", "/") + ".py")).is_file()
        pins = ROOT / "benchmarks" / "peers" / f"requirements_{name}.txt"
        assert pins.is_file() == bool(kind.environment)


def test_scaling(out, capsys):
    assert scaling.main(["--vary=width", "--rounds=1", "--seconds=1", f"--out={out}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[3:]][1:] == [["width", w] for w in ("0.5", "2", "3", "5")]
    rows = json.loads(out.read_text())["rows"]
    assert [row["steps/s"] for row in rows] == pytest.approx([100, 200, 50, 33, 20], rel=0.02)
    assert rows[1]["to the first"] == "2.00 (2.00 to 2.00)"


def test_scaling_refuses_what_it_does_not_vary(capsys):
    with pytest.raises(SystemExit):
        scaling.parse_flags(["--vary=width,seed"])
    assert "seed" in capsys.readouterr().err


def test_the_machine_is_described_without_names_or_paths():
    text = json.dumps(machine.describe())
    assert str(ROOT) not in text and "/home" not in text


@pytest.mark.slow
def test_for_real(tmp_path, capsys):
    flags = [
        "--network=nature",
        "--width=0.25",
        "--ours=pruned",
        "--peers=tf_agents,keras",
        "--replay_capacity=2000",
    ]
    flags += ["--rounds=2", "--seconds=2", "--warmup=100", f"--out={tmp_path / 'out.json'}"]
    assert throughput.main(flags) == 0
    contenders = json.loads((tmp_path / "out.json").read_text())["contenders"]
    for peer in ("tf_agents", "keras"):
        assert contenders["ours pruned"]["about"]["parameters"] == contenders[peer]["about"]["parameters"]
    assert contenders["ours pruned"]["about"]["sparsity"] == pytest.approx(0.95 * 7 / 8, abs=0.02)
    assert all(each["steps_per_second"] > 1 for each in contenders.values())
