"""Films: what is in the file is what was shown, in order, at the right speed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from tf_pruned_rl.errors import UserError
from tf_pruned_rl.policies import video

COLOURS = [(200, 30, 40), (10, 220, 30), (20, 40, 230)]


def picture(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((5, 7, 3), colour, np.uint8)


def test_a_gif_shows_the_pictures_at_their_speed():
    with video.Film(Path("film.gif"), 15.0) as film:
        for colour in COLOURS:
            film.add(picture(colour))
    with Image.open("film.gif") as read:
        assert read.size == (14, 10)
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(read)]
        assert read.info["duration"] == 70  # milliseconds, in tens: 15 a second
    assert len(frames) == 3
    for frame, colour in zip(frames, COLOURS, strict=True):
        assert np.abs(frame.astype(int) - colour).max() <= 8


def test_a_long_gif_is_cut_and_says_so(monkeypatch):
    monkeypatch.setattr(video, "MAX_GIF_FRAMES", 2)
    with video.Film(Path("film.gif"), 15.0) as film:
        for colour in COLOURS:
            film.add(picture(colour))
    assert film.cut
    with Image.open("film.gif") as read:
        assert read.n_frames == 2


def test_without_the_encoder_an_mp4_is_one_clear_line(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="imageio-ffmpeg"):
        video.check(Path("film.mp4"))
    video.check(Path("film.gif"))


def test_a_place_that_cannot_be_written_is_one_clear_line_and_nothing_is_lost():
    Path("folder.gif").mkdir()
    for path, reason in (("folder.gif", "Is a directory"), ("no/where.gif", "No such file or directory")):
        with pytest.raises(UserError, match=f"cannot write {path} .{reason}"):
            video.check(Path(path))
    Path("older.gif").write_bytes(b"a film")
    video.check(Path("older.gif"))
    video.check(Path("newer.gif"))
    assert Path("older.gif").read_bytes() == b"a film" and not Path("newer.gif").exists()
