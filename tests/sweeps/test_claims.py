"""Tests of claims: one holder at a time, as long as anybody who holds it lives."""

from __future__ import annotations

import subprocess
import sys

from tf_pruned_rl.sweeps import claims


def test_one_at_a_time(tmp_path):
    path = tmp_path / "logs" / "run.json"
    assert not claims.held(path)
    claim = claims.take(path)
    assert claim and claims.held(path) and claims.take(path) is None
    claim.release()
    assert not claims.held(path)
    again = claims.take(path)
    assert again
    again.release()


def test_how_it_ended(tmp_path):
    path = tmp_path / "run.json"
    assert claims.ended(path) is None
    claim = claims.take(path)
    claim.write(pid=12_345_678)
    assert claims.ended(path).exit_status is None
    claim.write(pid=1, exit_status=2)
    claim.release()
    assert claims.ended(path).exit_status == 2  # a longer text was there before


def test_a_process_that_inherits_it_holds_it(tmp_path):
    path = tmp_path / "run.json"
    claim = claims.take(path)
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[claim.descriptor]
    )
    claim.release()
    assert claims.held(path)
    child.communicate(b"\n")
    assert not claims.held(path)
