"""Keeps the libraries' start-up chatter off the screen."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def hush() -> Iterator[None]:
    """Holds back what is written to stderr meanwhile, by C++ too; shows it after all if there is an error.

    TensorFlow's C++ and old gym, which TF-Agents imports, print a dozen lines that no setting turns off.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
