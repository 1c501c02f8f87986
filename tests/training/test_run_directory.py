"""Tests of the run directory: one process, one configuration, nothing lost when refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.config import preset, replace
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.training import run_directory
from tf_pruned_rl.training.run_directory import RunDirectory

CONFIG = preset("dqn", "quick")
ROOT = Path(__file__).parents[2]

OPEN = """
import sys
sys.path.insert(0, sys.argv[2])
from tf_pruned_rl.config import preset
from tf_pruned_rl.training.run_directory import RunDirectory
run = RunDirectory.open(sys.argv[1], preset("dqn", "quick"))
print("tensorflow" in sys.modules, flush=True)
sys.stdin.read()
"""


def contents(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def refusal(path: Path, config: object = CONFIG) -> str:
    """Returns the message with which the folder is refused, having checked that it is unchanged."""
    before = contents(path) if path.is_dir() else None
    with pytest.raises(UserError) as caught:
        RunDirectory.open(path, config)  # type: ignore[arg-type]
    assert before == (contents(path) if path.is_dir() else None)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_new_one_is_made_with_configuration_and_versions(tmp_path: Path) -> None:
    with RunDirectory.open(tmp_path / "a" / "b", CONFIG) as run:
        assert run.path == tmp_path / "a" / "b"
        assert config_io.read(run.config_file) == CONFIG
        versions = json.loads(run.versions.read_text())
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert versions["tensorflow"].startswith("2.")
    for name in ("tf-pruned-rl", "tf-keras", "tf-agents", "tensorflow-model-optimization", "ale-py", "numpy"):
        assert versions[name][0].isdigit(), name
    assert versions["processor"]
    assert isinstance(versions["gpus"], list)


def test_paths_are_those_of_the_design(tmp_path: Path) -> None:
    with RunDirectory.open(tmp_path, CONFIG) as run:
        names = [
            run.metrics,
            run.events,
            run.checkpoints,
            run.policy,
            run.summary,
            run.config_file,
            run.versions,
        ]
    assert [path.relative_to(tmp_path).as_posix() for path in names] == [
        "metrics.jsonl",
        "events",
        "checkpoints",
        "policy",
        "summary.json",
        "config.json",
        "versions.json",
    ]


def test_same_configuration_opens_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with RunDirectory.open(tmp_path, CONFIG) as run:
        run.metrics.write_text("kept")
    with RunDirectory.open(tmp_path, CONFIG) as run:
        assert run.metrics.read_text() == "kept"
    assert capsys.readouterr().err == ""


def test_other_configuration_is_refused_field_by_field(tmp_path: Path) -> None:
    RunDirectory.open(tmp_path, CONFIG).close()
    message = refusal(tmp_path, replace(CONFIG, seed=3, sparsity=0.9))
    assert "seed: 0 -> 3" in message
    assert "sparsity: 0.95 -> 0.9" in message
    assert "--run_dir" in message
    RunDirectory.open(tmp_path, CONFIG).close()  # and the lock is free again


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_truncated_configuration_is_refused(tmp_path: Path, share: float) -> None:
    RunDirectory.open(tmp_path, CONFIG).close()
    file = tmp_path / "config.json"
    text = file.read_text()
    file.write_text(text[: int(len(text.strip()) * share)])
    assert "config.json" in refusal(tmp_path)


def test_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    assert "no config.json" in refusal(tmp_path)
    assert list(tmp_path.iterdir()) == [tmp_path / "thesis.tex"]


def test_folder_of_a_process_killed_before_its_configuration_was_whole_is_taken(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("123\n")
    (tmp_path / ".config.json.tmp").write_text("{")
    with RunDirectory.open(tmp_path, CONFIG) as run:
        assert config_io.read(run.config_file) == CONFIG
    assert not (tmp_path / ".config.json.tmp").exists()


def test_unwritable_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/run")):
        message = refusal(path)
        assert str(path) in message
        assert "cannot be written" in message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "Permission denied" in refusal(tmp_path)


def test_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OPEN, str(tmp_path), str(ROOT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "False"  # opened, and without TensorFlow
        assert f"in use by process {process.pid}:" in refusal(tmp_path)
        process.send_signal(signal.SIGKILL)
        process.wait()
    RunDirectory.open(tmp_path, CONFIG).close()


def test_second_opening_in_the_same_process_is_refused(tmp_path: Path) -> None:
    with RunDirectory.open(tmp_path, CONFIG):
        assert f"in use by process {os.getpid()}:" in refusal(tmp_path)
    RunDirectory.open(tmp_path, CONFIG).close()


def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    run = RunDirectory.open(tmp_path, CONFIG)
    run.close()
    other = RunDirectory.open(tmp_path, CONFIG)
    run.close()
    assert f"in use by process {os.getpid()}:" in refusal(tmp_path)  # the other's lock still holds
    other.close()


def test_changed_versions_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    RunDirectory.open(tmp_path, CONFIG).close()
    now = run_directory.versions()
    monkeypatch.setattr(run_directory, "versions", lambda: now | {"numpy": "9.9", "processor": "another"})
    RunDirectory.open(tmp_path, CONFIG).close()
    warning = capsys.readouterr().err
    assert f"numpy {now['numpy']} -> 9.9" in warning
    assert warning.count("\n") == 1
    assert "another" not in warning  # hardware may change
    assert json.loads((tmp_path / "versions.json").read_text())["numpy"] == "9.9"


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_damaged_versions_do_not_stop_a_run(tmp_path: Path, text: str) -> None:
    RunDirectory.open(tmp_path, CONFIG).close()
    (tmp_path / "versions.json").write_text(text)
    RunDirectory.open(tmp_path, CONFIG).close()
    assert json.loads((tmp_path / "versions.json").read_text())["python"]


def test_summary(tmp_path: Path) -> None:
    with RunDirectory.open(tmp_path, CONFIG) as run:
        run.write_summary({"mean_return": 20.5})
        assert json.loads(run.summary.read_text()) == {"mean_return": 20.5}
    assert not list(tmp_path.glob(".*.tmp"))
