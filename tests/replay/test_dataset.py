"""Reading the layout: the sample, its seed, and everything that is refused."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import config
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.replay import checking, dataset, layout


def offline(logged, **changes) -> config.OfflineConfig:
    named = {"data": str(logged.root), "game": "Breakout", "data_fraction": 0.25} | changes
    return config.replace(config.preset("cql", "quick"), **named)


def test_sample_is_a_stretch_of_every_buffer(logged):
    found = dataset.sample(offline(logged))
    assert [buffer.entries for buffer in found.buffers] == [399, 399, 399]  # the last is left over
    assert [stretch.number for stretch in found.stretches] == [0, 1, 2]
    assert {stretch.entries for stretch in found.stretches} == {100} and found.entries == 300
    assert len({stretch.first for stretch in found.stretches}) == 3
    first = dataset.sample(offline(logged, data_sample="first"))
    assert {stretch.first for stretch in first.stretches} == {0}
    whole = dataset.sample(offline(logged, data_fraction=1.0))
    assert whole.entries == 3 * 399


def test_sample_depends_on_the_seed_alone_and_reaches_everywhere(logged):
    again = dataset.sample.__wrapped__(offline(logged))
    assert again == dataset.sample(offline(logged))
    other = dataset.sample(offline(logged, seed=1))
    assert other.stretches != again.stretches and other.provenance() != again.provenance()
    # Uniform over the 300 places a stretch can have: chi-square over ten bins, 99.9 % below 27.9.
    places = []
    for seed in range(400):
        stretches = dataset.sample.__wrapped__(offline(logged, seed=seed)).stretches
        places.append(stretches[seed % 3].first)
        assert all(0 <= stretch.first <= 299 for stretch in stretches)
    counts = np.histogram(places, bins=10, range=(0, 300))[0]
    assert ((counts - 40) ** 2 / 40).sum() < 27.9


def test_frames_are_those_of_the_file(logged):
    stretch = dataset.Stretch(1, 37, 130)
    pieces = list(dataset.frames(str(logged.logs), stretch, 50))
    assert [len(piece) for piece in pieces] == [50, 50, 30]
    expected = logged.arrays[1]["observation"][37:167].reshape(130, -1)
    np.testing.assert_array_equal(np.concatenate(pieces), expected)


def test_data_need_not_lie_on_a_disk(logged):
    """TensorFlow's file system in memory stands for gs://, of which only TensorFlow's part differs."""
    root = "ram://dataset"
    there = dataset.logs_directory(str(logged.root), "Breakout", 1).replace(str(logged.root), root)
    tf.io.gfile.makedirs(there)
    for file in logged.logs.iterdir():
        tf.io.gfile.copy(str(file), f"{there}/{file.name}", overwrite=True)
    assert dataset.list_runs(root) == {"Breakout": [1]}
    distant = offline(logged, data=root)
    assert dataset.sample(distant).stretches == dataset.sample(offline(logged)).stretches
    for stretch in dataset.sample(distant).stretches:
        pairs = zip(
            dataset.frames(there, stretch, 64), dataset.frames(str(logged.logs), stretch, 64), strict=True
        )
        assert all(np.array_equal(mine, theirs) for mine, theirs in pairs)
    assert checking.check(root, "", 0).damaged == 0
    tf.io.gfile.remove(f"{there}/{layout.file_name('add_count', 1)}")
    with pytest.raises(UserError, match="add_count"):
        dataset.inspect(there, 1, 4)


def test_a_buffer_cut_short_counts_its_own_entries(make_logged):
    data = make_logged()
    data.write(0, add_count=np.array(150))
    assert dataset.inspect(str(data.logs), 0, 4).entries == 150
    data.write(0, add_count=np.array(1_150))  # 350 of this round, the rest of the one before
    assert dataset.inspect(str(data.logs), 0, 4).entries == 350
    data.write(0, add_count=np.array(800))
    assert dataset.inspect(str(data.logs), 0, 4).entries == 400


def truncate(path, share: float) -> None:
    os.truncate(path, int(path.stat().st_size * share))


def path(data, name: str):
    return data.logs / f"{name}_ckpt.0.gz"


DAMAGE = {
    "missing action": (lambda d: path(d, "$store$_action").unlink(), "action_ckpt.0.gz is missing"),
    "missing count": (lambda d: path(d, "add_count").unlink(), "add_count_ckpt.0.gz is missing"),
    "missing range": (lambda d: path(d, "invalid_range").unlink(), "invalid_range_ckpt.0.gz is missing"),
    "missing frames": (
        lambda d: path(d, "$store$_observation").unlink(),
        "observation_ckpt.0.gz is missing: every buffer has",
    ),
    "cut": (lambda d: truncate(path(d, "$store$_reward"), 0.5), "reward_ckpt.0.gz is damaged: Compressed"),
    "not gzip": (lambda d: path(d, "add_count").write_bytes(b"no gzip"), "add_count_ckpt.0.gz is damaged"),
    "not numpy": (
        lambda d: path(d, "$store$_action").write_bytes(gzip.compress(b"nothing of the kind")),
        "action_ckpt.0.gz is damaged: no array",
    ),
    "no number": (
        lambda d: d.write(0, add_count=np.array("many")),
        r"add_count_ckpt.0.gz holds <U4\[\], not what belongs there",
    ),
    "dtype": (
        lambda d: d.write(0, **{"$store$_action": d.arrays[0]["action"].astype(np.int64)}),
        r"action_ckpt.0.gz holds int64\[400\], not int32\[N\]",
    ),
    "frame dtype": (
        lambda d: d.write(0, **{"$store$_observation": np.zeros((400, 84, 84), np.float32)}),
        r"observation_ckpt.0.gz holds float32\[400, 84, 84\], not uint8\[N, 84, 84\]",
    ),
    "frame shape": (
        lambda d: d.write(0, **{"$store$_observation": np.zeros((400, 84, 84, 4), np.uint8)}),
        r"holds uint8\[400, 84, 84, 4\], not uint8\[N, 84, 84\]",
    ),
    "lengths": (
        lambda d: d.write(0, **{"$store$_terminal": np.zeros(399, np.uint8)}),
        r"different lengths \(action 400, reward 400, terminal 399, observation 400\)",
    ),
    "action": (
        lambda d: d.write(0, **{"$store$_action": np.full(400, 4, np.int32)}),
        r"actions 4 to 4, but the game has 4 \(0 to 3\): is it another's",
    ),
    "reward": (
        lambda d: d.write(0, **{"$store$_reward": np.full(400, np.nan, np.float32)}),
        "rewards that are not finite",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_one_line_that_names_the_file(make_logged, kind):
    data = make_logged()
    damage, message = DAMAGE[kind]
    damage(data)
    with pytest.raises(UserError, match=message) as caught:
        dataset.sample.__wrapped__(offline(data))
    assert "\n" not in str(caught.value)
    report = checking.check(str(data.root), "", 0)
    (line,) = report
    assert report.damaged == 1 and line.startswith("Breakout run 1 buffer 0: damaged: ")


class Bomb:
    """Makes a file when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("executed"),)


@pytest.mark.parametrize("name", [*layout.ELEMENTS, layout.ENDS])
def test_no_pickle_of_a_dataset_is_executed(make_logged, name):
    data = make_logged()
    with gzip.open(path(data, name), "wb") as file:
        np.save(file, np.array([Bomb()], object), allow_pickle=True)
    refused = pytest.raises(UserError, match=f"{re.escape(path(data, name).name)} (is damaged|holds object)")
    with refused if name != layout.ENDS else contextlib.nullcontext():  # that one is not read at all
        dataset.sample.__wrapped__(offline(data))
    assert not Path("executed").exists()
    with gzip.open(path(data, name)) as file:
        np.load(file, allow_pickle=True)
    assert Path("executed").exists(), "it would have been seen"


def test_a_longer_file_or_shorter_one_is_found_where_it_is_read(make_logged):
    data = make_logged()
    content = gzip.decompress(path(data, "$store$_reward").read_bytes())
    path(data, "$store$_reward").write_bytes(gzip.compress(content[:-4]))
    with pytest.raises(UserError, match="its header promises 400 entries"):
        dataset.inspect(str(data.logs), 0, 4)


@pytest.mark.parametrize("share", [0.3, 0.99999])
def test_cut_frames_are_found_where_they_are_read(make_logged, share):
    data = make_logged()
    truncate(path(data, "$store$_observation"), share)
    whole = dataset.Stretch(0, 0, 400)
    with pytest.raises(UserError, match="observation_ckpt.0.gz is damaged"):
        for _ in dataset.frames(str(data.logs), whole, 64, to_the_end=True):
            pass
    (line,) = checking.check(str(data.root), "Breakout", 1)
    assert "damaged" in line


def test_a_wrong_checksum_is_found(make_logged):
    data = make_logged()
    content = bytearray(path(data, "$store$_observation").read_bytes())
    content[-6] ^= 1
    path(data, "$store$_observation").write_bytes(content)
    assert "CRC check failed" in next(iter(checking.check(str(data.root), "", 0)))


def test_what_is_not_there_is_said_with_what_is(make_logged):
    data = make_logged()
    for changes, message in (
        ({"dataset_run": 2}, "no run 2 of Breakout in .*: there is 1; choose another --dataset_run"),
        ({"game": "Pong"}, "no data of Pong in .*: there is Breakout; choose another --game"),
        ({"data": str(data.root / "no")}, "no directory .* cannot be reached: --data takes the one that"),
        ({"data": "gs//x"}, "no directory gs//x"),
        ({"data_fraction": 0.01}, "takes 4 of the 399 entries of buffer 0, but a transition spans 6"),
    ):
        with pytest.raises(UserError, match=message):
            dataset.sample(offline(data, **changes))
    for file in data.logs.iterdir():
        file.unlink()
    with pytest.raises(UserError, match="holds no buffer"):
        dataset.sample.__wrapped__(offline(data))


def test_report_lists_what_is_whole(logged):
    report = checking.check(str(logged.root), "", 0)
    lines = list(report)
    assert report.damaged == 0 and len(lines) == 3
    assert lines[0].startswith("Breakout run 1 buffer 0: whole, 399 entries, 2.")
    with pytest.raises(UserError, match="there is Breakout"):
        checking.check(str(logged.root), "pong", 0)
    with pytest.raises(UserError, match="no run 3 of Breakout"):
        checking.check(str(logged.root), "breakout", 3)
    with pytest.raises(UserError, match="no data in"):
        checking.check(str(logged.logs), "", 0)
