"""Saving and loading: exact, in place, and linking what has not changed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl.environments import Screen
from tf_pruned_rl.replay import FrameReplay, segments


@pytest.fixture(autouse=True)
def _short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SEGMENT_FRAMES", 32)
    monkeypatch.setattr(segments, "_CHUNK_FRAMES", 6)


class _Player:
    """A replay and a deterministic stream of everything that can be done to it."""

    def __init__(self, sampling: str, seed: int = 1) -> None:
        self.replay = FrameReplay(
            200, num_envs=2, n_step=3, sampling=sampling, batch_size=16, screen=Screen((3, 5)), seed=seed
        )

    def play(self, first: int, count: int) -> list[np.ndarray]:
        """Adds steps [first, first + count), sampling after each from the tenth on."""
        drawn = []
        for step in range(first, first + count):
            random = np.random.default_rng(step)
            self.replay.add(
                tf.constant(random.integers(0, 256, (2, 3, 5)), tf.uint8),
                tf.constant(random.integers(0, 18, 2), tf.int32),
                tf.constant(random.normal(size=2), tf.float32),
                tf.constant(random.random(2) < 0.05),
                tf.constant(random.random(2) < 0.03),
            )
            if step >= 20 and step % 3 == 0:
                batch = self.replay.sample()
                self.replay.update_priorities(batch.indices, tf.abs(batch.returns))
                drawn += [x.numpy() for x in (*batch, self.replay.importance_weights(batch))]
        return drawn


@pytest.mark.parametrize("sampling", ["uniform", "prioritized"])
def test_a_loaded_replay_goes_on_as_the_saved_one(sampling: str, tmp_path: Path) -> None:
    """Before and after the ring (of 100 steps) is full, with and without an earlier checkpoint."""
    player = _Player(sampling)
    previous, step = None, 0
    for index, count in enumerate((40, 45, 30, 60, 130)):
        player.play(step, count)
        step += count
        folder = tmp_path / str(index)
        player.replay.save(folder, previous)
        previous = folder
    other = _Player(sampling, seed=2)
    other.play(0, 25)
    other.replay.load(previous)
    for mine, its in zip(player.play(step, 40), other.play(step, 40), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_full_segments_are_linked_and_old_ones_dropped(tmp_path: Path) -> None:
    """Segments are 16 steps of 2 streams; the ring holds 100."""
    player = _Player("uniform")
    player.play(0, 40)
    player.replay.save(tmp_path / "a", None)
    player.play(40, 80)
    player.replay.save(tmp_path / "b", tmp_path / "a")

    def spans(folder: str) -> list[tuple[int, int]]:
        return sorted(segments._bounds(path) for path in (tmp_path / folder).glob("frames-*"))

    assert spans("a") == [(0, 16), (16, 32), (32, 40)]
    # Steps 20 to 119 are alive: the first segment is gone, the second kept whole, the partial one rewritten.
    assert spans("b") == [(16, 32), (32, 48), (48, 64), (64, 80), (80, 96), (96, 112), (112, 120)]
    name = segments._name(16, 32)
    assert os.path.samefile(tmp_path / "a" / name, tmp_path / "b" / name)


def test_copies_where_links_are_impossible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    player = _Player("uniform")
    player.play(0, 40)
    player.replay.save(tmp_path / "a", None)
    player.replay.save(tmp_path / "b", tmp_path / "a")
    name = segments._name(0, 16)
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("damage", ["cut", "flip", "missing", "other"])
def test_damage_is_noticed(damage: str, tmp_path: Path) -> None:
    player = _Player("uniform")
    player.play(0, 40)
    player.replay.save(tmp_path / "a", None)
    path = tmp_path / "a" / segments._name(16, 32)
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        middle = len(content) // 2
        changed = {"cut": content[:-3], "flip": content[:middle] + b"\xff\x00\xff" + content[middle + 3 :]}
        path.write_bytes(changed.get(damage, (tmp_path / "a" / segments._name(32, 40)).read_bytes()))
    with pytest.raises(ValueError, match="damaged|missing"):
        _Player("uniform").replay.load(tmp_path / "a")


def test_another_replay_is_refused(tmp_path: Path) -> None:
    player = _Player("uniform")
    player.play(0, 30)
    player.replay.save(tmp_path, None)
    with pytest.raises(ValueError, match="sampling"):
        _Player("prioritized").replay.load(tmp_path)
    with pytest.raises(ValueError, match="capacity"):
        FrameReplay(300, num_envs=2, screen=Screen((3, 5))).load(tmp_path)
