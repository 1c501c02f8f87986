"""A trace of a second or two of training, for TensorBoard's profiler."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from tf_pruned_rl.training.loop import Tick


class Profile:
    """Traces what lies between two ticks of the loop: the first two at full speed.

    Attributes:
      directory: where the trace is written, as TensorBoard wants it; None for no trace.
    """

    def __init__(self, directory: Path | None):
        self.directory = directory
        self._running = False
        self._done = directory is None

    def at(self, tick: Tick) -> bool:
        """Starts or ends the trace if it is time.

        Returns:
          Whether the trace has just been written.
        """
        if self._done or not tick.steady:
            return False
        if not self._running:
            tf.profiler.experimental.start(str(self.directory))
            self._running = True
            return False
        self.close()
        return True

    def close(self) -> None:
        """Writes what has been traced so far, if anything."""
        if self._running:
            tf.profiler.experimental.stop()
        self._running, self._done = False, True
