"""Where the replay lives: in main memory, also where a GPU learns."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import tensorflow as tf

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def in_main_memory(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Has ``function`` make its variables, and compute, on the processor.

    TensorFlow would choose a GPU if it sees one, and there a million frames take 7 GB at once, of which
    a gradient step needs 2 MB; and the sum tree is many operations that are smaller than their launch.
    """

    @functools.wraps(function)
    def placed(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        with tf.device("CPU:0"):
            return function(*args, **kwargs)

    return placed
