"""Tests of the checkpoints: whatever happens, the newest intact one comes back."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tf_pruned_rl.errors import UserError
from tf_pruned_rl.training import checkpoint
from tf_pruned_rl.training.checkpoint import Checkpointer, VariablesState


class Files:
    """A component whose state is files; links those that are the same in the previous checkpoint."""

    def __init__(self, **files: bytes) -> None:
        self.files = files

    def save(self, directory: Path, previous: Path | None) -> None:
        assert not list(directory.iterdir())
        (directory / "deep").mkdir()
        for name, data in self.files.items():
            old = previous / "deep" / name if previous else None
            if old and old.exists() and old.read_bytes() == data:
                os.link(old, directory / "deep" / name)
            else:
                (directory / "deep" / name).write_bytes(data)

    def load(self, directory: Path) -> None:
        self.files = {path.name: path.read_bytes() for path in sorted((directory / "deep").iterdir())}


class Raises(Files):
    """A component that cannot be saved."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def save(self, directory: Path, previous: Path | None) -> None:
        (directory / "half").write_bytes(b"x" * 1000)
        raise self.error


def save(directory: Path, checkpointer: Checkpointer, component: Files, number: int) -> Path:
    component.files["count"] = str(number).encode()
    return checkpointer.save(agent_steps=number, frames=4 * number, extra={"number": number})


@pytest.fixture
def component() -> Files:
    return Files(segment=b"s" * 5000, count=b"0")


@pytest.fixture
def two(tmp_path: Path, component: Files) -> Path:
    """A folder with the checkpoints 1 and 2."""
    checkpointer = Checkpointer(tmp_path, {"a": component, "b": Files(other=b"other")})
    for number in (1, 2):
        save(tmp_path, checkpointer, component, number)
    return tmp_path


def restore(directory: Path) -> tuple[dict[str, Any] | None, Files]:
    component = Files()
    return Checkpointer(directory, {"a": component, "b": Files()}).restore_latest(), component


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_nothing_there_restores_nothing(tmp_path: Path) -> None:
    assert restore(tmp_path / "absent")[0] is None
    assert restore(tmp_path)[0] is None


def test_round_trip(tmp_path: Path) -> None:
    first, second = Files(x=b"1", y=b""), Files(z=bytes(range(256)))
    extra = {"position": 123, "mean": 0.1 + 0.2, "list": [1, None, "é"]}
    metadata = {"versions": {"numpy": "2"}}
    checkpointer = Checkpointer(tmp_path, {"a": first, "b": second}, metadata=metadata)
    path = checkpointer.save(agent_steps=10, frames=40, extra=extra)
    assert path == tmp_path / "000001"
    third, fourth = Files(), Files()
    manifest = Checkpointer(tmp_path, {"a": third, "b": fourth}).restore_latest()
    assert (third.files, fourth.files) == (first.files, second.files)
    assert manifest is not None
    assert (manifest["agent_steps"], manifest["frames"]) == (10, 40)
    assert manifest["extra"] == extra
    assert manifest["metadata"] == metadata


def test_manifest_holds_sizes_and_checksums(two: Path) -> None:
    files = json.loads((two / "000002" / "manifest.json").read_text())["files"]
    assert sorted(files) == ["a/deep/count", "a/deep/segment", "b/deep/other"]
    for name, file in files.items():
        data = (two / "000002" / name).read_bytes()
        assert file == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_only_the_newest_are_kept(tmp_path: Path, component: Files, keep: int) -> None:
    checkpointer = Checkpointer(tmp_path, {"a": component}, keep=keep)
    for number in range(1, 7):
        save(tmp_path, checkpointer, component, number)
    assert names(tmp_path) == [f"{number:06d}" for number in range(7 - keep, 7)]


def test_keep_zero_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Checkpointer(tmp_path, {}, keep=0)


def test_numbers_go_on_after_a_restart(two: Path) -> None:
    component = Files()
    checkpointer = Checkpointer(two, {"a": component, "b": Files()})
    checkpointer.restore_latest()
    save(two, checkpointer, component, 3)
    assert names(two) == ["000002", "000003"]


def test_links_come_from_the_checkpoint_that_goes_and_outlive_it(tmp_path: Path, component: Files) -> None:
    checkpointer = Checkpointer(tmp_path, {"a": component})
    paths = [save(tmp_path, checkpointer, component, number) / "a/deep/segment" for number in (1, 2)]
    first = paths[0].stat().st_ino
    third = save(tmp_path, checkpointer, component, 3) / "a/deep/segment"
    assert not paths[0].exists()
    assert third.stat().st_ino == first
    assert third.stat().st_ino != paths[1].stat().st_ino  # the two kept share nothing
    assert third.read_bytes() == b"s" * 5000
    assert Checkpointer(tmp_path, {"a": Files()}).restore_latest() is not None


def test_linked_files_keep_their_checksum_unread(
    tmp_path: Path, component: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpointer = Checkpointer(tmp_path, {"a": component}, keep=1)
    save(tmp_path, checkpointer, component, 1)
    read: list[str] = []
    real = hashlib.file_digest

    def spy(file: Any, algorithm: str) -> Any:
        read.append(Path(file.name).name)
        return real(file, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", spy)
    save(tmp_path, checkpointer, component, 2)
    assert read == ["count"]
    checkpoint.verify(tmp_path / "000002")


def test_nothing_is_linked_from_a_checkpoint_that_was_never_verified(two: Path) -> None:
    component = Files()
    checkpointer = Checkpointer(two, {"a": component, "b": Files()})
    checkpointer.restore_latest()
    inodes = {path.stat().st_ino for path in two.rglob("segment")}
    assert (save(two, checkpointer, component, 3) / "a/deep/segment").stat().st_ino not in inodes


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [cut, flip, os.remove])
@pytest.mark.parametrize("name", ["a/deep/count", "a/deep/segment", "b/deep/other", "manifest.json"])
def test_damaged_checkpoint_is_skipped_with_a_warning(
    two: Path, harm: Callable[[Path], None], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    harm(two / "000002" / name)
    manifest, component = restore(two)
    assert manifest is not None
    assert manifest["extra"] == {"number": 1}
    assert component.files == {"segment": b"s" * 5000, "count": b"1"}
    warning = capsys.readouterr().err
    assert warning.count("\n") == 1
    assert "000002" in warning
    assert Path(name).name in warning


def test_every_cut_of_the_manifest_is_noticed(two: Path) -> None:
    manifest = two / "000002" / "manifest.json"
    text = manifest.read_bytes()
    for length in range(0, len(text) - 1, 7):
        manifest.write_bytes(text[:length])
        with pytest.raises(checkpoint.DamagedCheckpoint):
            checkpoint.verify(two / "000002")


def test_a_changed_manifest_is_noticed(two: Path) -> None:
    manifest = two / "000002" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"frames": 8', '"frames": 9'))
    with pytest.raises(checkpoint.DamagedCheckpoint, match="checksum"):
        checkpoint.verify(two / "000002")


def test_after_a_fallback_the_damaged_one_goes_first(two: Path) -> None:
    cut(two / "000002" / "a/deep/segment")
    component = Files()
    checkpointer = Checkpointer(two, {"a": component, "b": Files()})
    checkpointer.restore_latest()
    assert names(two) == ["000001", "000002"]  # nothing is thrown away before there is something better
    save(two, checkpointer, component, 3)
    assert names(two) == ["000001", "000003"]


def test_all_damaged_is_refused_and_nothing_deleted(two: Path) -> None:
    for number in ("000001", "000002"):
        cut(two / number / "a/deep/segment")
    with pytest.raises(UserError, match=r"damaged.*--run_dir"):
        restore(two)
    assert names(two) == ["000001", "000002"]


def test_left_overs_of_a_killed_save_are_removed(two: Path) -> None:
    shutil.copytree(two / "000002", two / "tmp-000003")
    (two / "tmp-000003" / "manifest.json").unlink()
    manifest, _ = restore(two)
    assert manifest is not None
    assert manifest["extra"] == {"number": 2}
    assert names(two) == ["000001", "000002"]


class Crash(BaseException):
    """The power goes."""


def crash_at(call: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Makes the ``call``-th system call below raise, and everything after it do nothing."""
    made = [0]

    def wrap(module: Any, name: str) -> None:
        real = getattr(module, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            made[0] += 1
            if made[0] >= call:
                raise Crash
            return real(*args, **kwargs)

        monkeypatch.setattr(module, name, wrapped)

    for module, name in (
        (os, "fsync"),
        (os, "mkdir"),
        (os, "link"),
        (os, "rename"),
        (os, "unlink"),
        (os, "rmdir"),
    ):
        wrap(module, name)
    return lambda: made[0] >= call


def test_a_crash_at_any_system_call_loses_nothing(tmp_path: Path) -> None:
    seen = set()
    for call in range(1, 200):
        directory = tmp_path / str(call)
        component = Files(segment=b"s", count=b"0")
        checkpointer = Checkpointer(directory, {"a": component, "b": Files(other=b"o")})
        for number in (1, 2):
            save(directory, checkpointer, component, number)
        with pytest.MonkeyPatch.context() as patch:
            crashed = crash_at(call, patch)
            try:
                save(directory, checkpointer, component, 3)
            except Crash:
                pass
            if not crashed():
                break
        manifest, restored = restore(directory)
        assert manifest is not None
        number = manifest["extra"]["number"]
        assert number in (2, 3)
        assert restored.files == {"segment": b"s", "count": str(number).encode()}
        seen.add(number)
    else:
        pytest.fail("the save never got through")
    assert seen == {2, 3}
    assert call > 10


ENDLESS = """
import sys
sys.path[:0] = [{root!r}, {tests!r}]
from pathlib import Path
from tf_pruned_rl.training.checkpoint import Checkpointer
from test_checkpoint import Files, save
component = Files(segment=b"s" * 100_000, count=b"0")
twin = Files(count=b"0")
checkpointer = Checkpointer(Path(sys.argv[1]), {{"a": component, "b": twin}})
manifest = checkpointer.restore_latest()
number = manifest["extra"]["number"] if manifest else 0
assert int(component.files["count"]) == int(twin.files["count"]) == number
while True:
    number += 1
    twin.files["count"] = str(number).encode()
    save(Path(sys.argv[1]), checkpointer, component, number)
    print(number, flush=True)
"""


def test_kill_minus_nine_at_random_moments(tmp_path: Path) -> None:
    tests = Path(__file__).parent
    program = ENDLESS.format(root=str(tests.parents[1]), tests=str(tests))
    generator = np.random.default_rng(0)
    saved = 0
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            first = process.stdout.readline()
            if not first:
                pytest.fail(process.stderr.read())
            assert int(first) > saved  # it went on from where the last one was, not from the start
            time.sleep(float(generator.uniform(0, 0.1)))
            process.send_signal(signal.SIGKILL)
            saved = max([int(first), *map(int, process.stdout.read().split())])
        manifest, component = restore(tmp_path)
        assert manifest is not None
        number = manifest["extra"]["number"]
        assert number in (saved, saved + 1)
        assert component.files["count"] == str(number).encode()


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), OSError("1000 requested and 3 written")]
)
def test_full_disk_keeps_the_checkpoints_before(two: Path, error: OSError) -> None:
    checkpointer = Checkpointer(two, {"a": Raises(error)})
    with pytest.raises(UserError, match=r"disk is full.*needs about 0\.\d+ MB.*MB are free") as caught:
        checkpointer.save(agent_steps=3, frames=12, extra={})
    assert "\n" not in str(caught.value)
    assert names(two) == ["000001", "000002"]
    manifest, _ = restore(two)
    assert manifest is not None
    assert manifest["extra"] == {"number": 2}


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "Permission denied"), KeyboardInterrupt()])
def test_other_errors_are_passed_on_and_leave_nothing(two: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        Checkpointer(two, {"a": Raises(error)}).save(agent_steps=3, frames=12, extra={})
    assert names(two) == ["000001", "000002"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_really_full_disk(small_disk: Path) -> None:
    component = Files(segment=b"s" * 700_000, count=b"0")
    directory = small_disk / "checkpoints"
    save(directory, Checkpointer(directory, {"a": component}), component, 1)
    import tensorflow as tf

    variables = VariablesState(big=tf.Variable(tf.random.normal([500_000])))
    for state in (Files(big=b"b" * 2_000_000), variables):
        with pytest.raises(UserError, match="disk is full"):
            Checkpointer(directory, {"a": component, "b": state}).save(agent_steps=1, frames=4, extra={})
        assert names(directory) == ["000001"]
    restored = Files()
    assert Checkpointer(directory, {"a": restored}).restore_latest() is not None
    assert restored.files == component.files
