"""Films what is played, as .mp4 or .gif."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from PIL import Image

from tf_pruned_rl.errors import UserError

MAX_GIF_FRAMES = 4_000
"""A .gif is made in memory, and no browser likes a longer one; at 15 frames/s 4.4 minutes."""
_SCALE = 2


def check(path: Path) -> None:
    """Raises UserError unless a film can be written to ``path``."""
    if path.suffix not in (".mp4", ".gif"):
        raise UserError(f"--video={path} is neither .mp4 nor .gif; give a file of one of these kinds")
    if path.suffix == ".mp4" and importlib.util.find_spec("imageio_ffmpeg") is None:
        raise UserError(
            "an .mp4 needs the package imageio-ffmpeg: pip install -c constraints.txt -e '.[video]', or give "
            "a .gif"
        )
    was_there = path.exists()
    try:
        path.open("ab").close()
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror}); choose another --video") from error
    if not was_there:
        path.unlink()


class Film:
    """Writes pictures to a file, twice as wide and high, from entering to leaving the context.

    Attributes:
      cut: whether the .gif has had no room for all pictures.
    """

    def __init__(self, path: Path, frames_per_second: float):
        """Writes nothing yet.

        Args:
          path: of the film, .mp4 or .gif.
          frames_per_second: its speed.
        """
        self._path = path
        self._rate = frames_per_second
        self._frames: list[Image.Image] = []
        self._writer: Any = None
        self.cut = False

    def __enter__(self) -> Film:
        if self._path.suffix == ".mp4":
            import imageio.v2

            # Even sizes are all that the usual encoding of colours needs.
            self._writer = imageio.v2.get_writer(
                self._path, format="FFMPEG", fps=self._rate, macro_block_size=2
            )
        return self

    def add(self, picture: np.ndarray) -> None:
        """Adds a picture, uint8[H, W, 3]."""
        large = picture.repeat(_SCALE, axis=0).repeat(_SCALE, axis=1)
        if self._writer is not None:
            self._writer.append_data(large)
        elif len(self._frames) < MAX_GIF_FRAMES:
            self._frames.append(Image.fromarray(large).quantize(256))
        else:
            self.cut = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
        elif self._frames and kind is None:
            first, *rest = self._frames
            hundredths = round(100 / self._rate)  # the unit of time of a .gif
            first.save(
                self._path,
                save_all=True,
                append_images=rest,
                duration=10 * hundredths,
                loop=0,
                optimize=False,
            )
