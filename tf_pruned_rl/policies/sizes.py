"""How many bytes the files of a policy take, as they are and as a download."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path
from typing import IO, cast


def files(directory: Path) -> list[Path]:
    """Returns every file below a folder, in the order of the paths."""
    return sorted(path for path in directory.rglob("*") if path.is_file())


def raw(directory: Path) -> int:
    """Returns the bytes of the files."""
    return sum(path.stat().st_size for path in files(directory))


class _Counter:
    """A file to write to that keeps only its length."""

    def __init__(self) -> None:
        self.length = 0

    def write(self, data: bytes) -> int:
        self.length += len(data)
        return len(data)

    def flush(self) -> None:
        pass


def gzipped(directory: Path) -> int:
    """Returns the bytes of the files as a tar stream under gzip level 6: what a download would cost."""
    counter = _Counter()
    with (
        gzip.GzipFile(fileobj=counter, mode="wb", compresslevel=6, mtime=0) as stream,
        tarfile.open(fileobj=cast(IO[bytes], stream), mode="w|") as tar,
    ):
        for path in files(directory):
            member = tarfile.TarInfo(
                str(path.relative_to(directory))
            )  # no owner, no time: a size that repeats
            member.size = path.stat().st_size
            with path.open("rb") as file:
                tar.addfile(member, file)
    return counter.length
