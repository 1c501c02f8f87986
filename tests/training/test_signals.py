"""Tests of what asks a command to stop."""

from __future__ import annotations

import os
import signal

import pytest

from tf_pruned_rl.training.signals import Signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_is_noted_and_the_second_is_not_held_back(number):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    signals = Signals()
    assert signals.received is None
    os.kill(os.getpid(), number)
    assert signals.received == number
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


def test_restored():
    before = signal.getsignal(signal.SIGINT)
    signals = Signals()
    assert signal.getsignal(signal.SIGINT) != before
    signals.restore()
    assert signal.getsignal(signal.SIGINT) == before
