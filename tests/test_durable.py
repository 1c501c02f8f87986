"""Files that are whole or not there, locks, and full disks."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tf_pruned_rl import durable
from tf_pruned_rl.errors import UserError

SYSTEM_CALLS = ("fsync", "unlink", "rename", "open", "close")


class PowerFailure(BaseException):
    pass


def fail_at(call: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Lets the ``call``-th of the system calls, and every later one, fail; returns the count of calls."""
    count = [0]

    def wrap(name: str) -> None:
        real = getattr(os, name)

        def wrapped(*args, **kwargs):
            count[0] += 1
            if count[0] >= call:
                raise PowerFailure
            return real(*args, **kwargs)

        monkeypatch.setattr(os, name, wrapped)

    for name in SYSTEM_CALLS:
        wrap(name)
    return count


def test_a_file_is_the_old_or_the_new_one_wherever_the_power_fails(tmp_path: Path) -> None:
    path, contents = tmp_path / "summary.json", set()
    for call in range(1, 20):
        path.write_text("old")
        with pytest.MonkeyPatch.context() as patch:
            count = fail_at(call, patch)
            try:
                durable.write(path, "new")
            except PowerFailure:
                pass
        contents.add(path.read_text())
        if count[0] < call:
            break
    assert contents == {"old", "new"} and call > 4
    durable.write(path, b"whole")  # what was left aside does not stop the next
    assert path.read_bytes() == b"whole" and list(tmp_path.iterdir()) == [path]


def test_a_link_put_where_a_file_is_written_aside_is_not_followed(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "config.json"
    victim.write_text("untouched")
    durable.aside(path).symlink_to(victim)
    durable.write(path, "{}")
    assert victim.read_text() == "untouched" and path.read_text() == "{}" and not path.is_symlink()


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.json"
    durable.write(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        durable.write(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_replaces_an_older_one(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / "writing" / "below").mkdir(parents=True)
        (tmp_path / "writing" / "below" / name).write_text(name)
        durable.replace_folder(tmp_path / "writing", tmp_path / "policy")
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == [
        "policy", "policy/below", "policy/below/new",
    ]  # fmt: skip


def test_a_growing_file_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    log = durable.GrowingFile(tmp_path / "log")
    log.file.write(b"kept")
    position = log.position()
    log.file.write(b"lost")
    log.close()
    log = durable.GrowingFile(tmp_path / "log")
    log.cut(position)
    log.file.write(b" on")
    assert log.position() == 7 and (tmp_path / "log").read_bytes() == b"kept on"
    with pytest.raises(UserError, match="has 7 bytes where the checkpoint counts 8"):
        log.cut(8)


def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    assert not durable.is_locked(path) and not path.exists()
    descriptor = durable.lock(path)
    assert descriptor is not None and durable.is_locked(path) and durable.lock(path) is None
    durable.write_locked(descriptor, "a longer text")
    durable.write_locked(descriptor, "short")
    assert path.read_text() == "short"
    os.close(descriptor)
    assert not durable.is_locked(path)
    folder = durable.lock(tmp_path)
    assert folder is not None and durable.lock(tmp_path) is None
    os.close(folder)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EFBIG, "File too large"),
        OSError("100 requested and 20 written"),  # NumPy
        RuntimeError("variables.data-00000-of-00001.tempstate; No space left on device"),  # as TensorFlow
    ],
)
def test_a_full_disk_is_one_line_with_the_numbers(tmp_path: Path, error: Exception) -> None:
    (tmp_path / "writing").mkdir()
    (tmp_path / "writing" / "part").write_bytes(bytes(2_000))
    with (
        pytest.raises(UserError) as caught,
        durable.disk_full_as_user_error(tmp_path, "this", "Make room", temporary=tmp_path / "writing"),
    ):
        raise error
    message = str(caught.value)
    assert "this needs more than 0.002 MB, " in message and " MB are free. Make room" in message
    assert "\n" not in message and not (tmp_path / "writing").exists()


@pytest.mark.parametrize(
    "error", [PermissionError(errno.EACCES, "Permission denied"), ValueError("a value"), UserError("no")]
)
def test_other_errors_are_passed_on(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as caught, durable.disk_full_as_user_error(tmp_path, "this", "Go"):
        raise error
    assert caught.value is error
