"""The bytes of a policy's files."""

import gzip
import io
import tarfile

from tf_pruned_rl.policies import sizes


def make(folder, order):
    (folder / "variables").mkdir(parents=True)
    for name in order:
        (folder / name).write_bytes(name.encode() * 500)
    return folder


NAMES = ["saved_model.pb", "variables/a", "variables/b"]


def test_bytes_are_those_of_all_files(tmp_path):
    assert sizes.raw(make(tmp_path / "policy", NAMES)) == 500 * sum(map(len, NAMES))


def test_a_download_is_a_tar_under_gzip_and_repeats(tmp_path):
    first, second = make(tmp_path / "1", NAMES), make(tmp_path / "2", NAMES[::-1])
    assert sizes.gzipped(first) == sizes.gzipped(second)
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for name in NAMES:
            member = tarfile.TarInfo(name)
            member.size = (first / name).stat().st_size
            tar.addfile(member, io.BytesIO((first / name).read_bytes()))
    # The header of a stream in pieces and the end of the last block may differ by some bytes.
    assert abs(sizes.gzipped(first) - len(gzip.compress(plain.getvalue(), 6, mtime=0))) < 64
