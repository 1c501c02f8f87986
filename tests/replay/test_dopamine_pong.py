"""Pong that Dopamine logged (tests/peers/make_dopamine_pong.py) against what its own loader yields."""

from __future__ import annotations

import gzip
import pickle
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import config, replay
from tf_pruned_rl.replay import checking, layout

ROOT = Path(__file__).parents[1] / "peers" / "dopamine_pong"
LOGS = ROOT / "Pong" / "1" / "replay_logs"
BUFFERS = 3


@pytest.fixture(scope="module")
def expected() -> dict[str, np.ndarray]:
    with np.load(ROOT / "expected.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def checksums(stacks: tf.Tensor) -> np.ndarray:
    return np.array([zlib.crc32(np.ascontiguousarray(stack)) for stack in stacks.numpy()], np.uint32)


def after_a_cut(number: int) -> set[int]:
    """The three empty entries after every episode that Dopamine knows to be cut at the limit."""
    with gzip.open(LOGS / layout.file_name("episode_end_indices", number)) as file:
        ended = pickle.load(file)
    with gzip.open(LOGS / layout.file_name("$store$_terminal", number)) as file:
        terminal = np.load(file, allow_pickle=False)
    return {end + k for end in ended if not terminal[end] for k in (1, 2, 3)}


@pytest.mark.parametrize("n_step", [1, 3])
def test_every_transition_is_dopamines(expected, n_step):
    chosen = config.preset("cql" if n_step == 1 else "cql_c51")
    assert chosen.learning.n_step == n_step
    chosen = config.replace(chosen, data=str(ROOT), game="Pong", data_fraction=1.0)
    made = replay.create(chosen)
    made.refill(0)
    compared, cuts = 0, 0
    for place in (made._order[index] for index in range(made._order.count)):
        if place.offset:
            continue
        number, entries = place.stretch.number, place.stretch.entries
        theirs = {
            name: expected[f"{number}/{n_step}/{name}"]
            for name in ("indices", "action", "reward", "terminal", "state", "next_state")
        }
        whole = min(entries, int(made.ring.written) - n_step - place.step)
        rows = place.step + tf.range(whole, dtype=tf.int64)
        ours = np.flatnonzero(~made.ring.is_cut(rows).numpy())
        # Dopamine draws the empty entries after a cut as well. And the range that it reads from the file is
        # for n = 1: with n = 3 it goes on over the left-over entry at the end, or leaves out what ends there.
        extra = set(theirs["indices"]) - set(ours)
        cuts += len(extra & after_a_cut(number))
        ends = set() if n_step == 1 else set(range(entries - n_step, entries))
        assert extra <= after_a_cut(number) | ends
        assert set(ours) - set(theirs["indices"]) <= ends
        both = np.isin(theirs["indices"], ours)
        indices = theirs["indices"][both].astype(np.int64)
        batch = made.batch(place.step + tf.constant(indices), tf.ones(len(indices)))
        np.testing.assert_array_equal(checksums(batch.observations), theirs["state"][both])
        np.testing.assert_array_equal(batch.actions, theirs["action"][both])
        np.testing.assert_allclose(batch.returns, theirs["reward"][both], rtol=1e-6, atol=1e-7)
        terminal = theirs["terminal"][both].astype(bool)
        np.testing.assert_array_equal(batch.discounts.numpy() == 0, terminal)
        follows = checksums(batch.next_observations)[~terminal]  # undefined after a terminal
        np.testing.assert_array_equal(follows, theirs["next_state"][both][~terminal])
        compared += len(indices)
    assert compared > 0.95 * made.sample_of_data.entries
    assert cuts > 0  # there were some


def test_the_files_are_whole_and_hold_every_kind_of_end(expected):
    report = checking.check(str(ROOT), "Pong", 1)
    lines = list(report)
    assert report.damaged == 0 and len(lines) == BUFFERS
    assert sum(expected[f"{number}/1/terminal"].sum() for number in range(BUFFERS)) >= 1
    assert sum(len(after_a_cut(number)) for number in range(BUFFERS)) >= 3
    assert sum(path.stat().st_size for path in ROOT.rglob("*")) < 2e6
