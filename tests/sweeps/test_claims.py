"""Tests of claims: one holder at a time, until the last process with the open file ends."""

from __future__ import annotations

import subprocess
import sys

from tf_pruned_rl.sweeps import claims


def test_one_at_a_time(tmp_path):
    path = tmp_path / "logs" / "run.json"
    assert not claims.is_held(path)
    claim = claims.acquire(path)
    assert claim and claims.is_held(path) and claims.acquire(path) is None
    claim.release()
    assert not claims.is_held(path)
    again = claims.acquire(path)
    assert again
    again.release()


def test_how_it_ended(tmp_path):
    path = tmp_path / "run.json"
    assert claims.last_start(path) is None
    claim = claims.acquire(path)
    claim.write(pid=12_345_678)
    assert claims.last_start(path).exit_status is None
    claim.write(pid=1, exit_status=2)
    claim.release()
    assert claims.last_start(path).exit_status == 2  # a longer text was there before


def test_a_process_that_inherits_it_holds_it(tmp_path):
    path = tmp_path / "run.json"
    claim = claims.acquire(path)
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[claim.descriptor]
    )
    claim.release()
    assert claims.is_held(path)
    child.communicate(b"\n")
    assert not claims.is_held(path)
