"""Sparse deep reinforcement learning: gradual magnitude pruning as a drop-in for TF-Agents."""

import os
import sys

__version__ = "0.1.0"

_KERAS_2 = ("1", "true", "True")
_ADVICE = "start Python again with TF_USE_LEGACY_KERAS=1, or with tf_pruned_rl imported before tensorflow"


def _check_keras() -> None:
    """Raises ImportError if TensorFlow has already settled on Keras 3.

    TF-Agents and tfmot are written for Keras 2. ``tf.keras`` and its aliases are proxies that read
    TF_USE_LEGACY_KERAS when the first attribute is asked of them, not when TensorFlow is imported: a
    TensorFlow whose Keras nobody has touched can still be put right. What a proxy has loaded becomes
    part of its own dictionary, so looking there settles nothing.
    """
    value = os.environ.get("TF_USE_LEGACY_KERAS", "1")
    if value not in _KERAS_2:
        raise ImportError(f"tf_pruned_rl needs Keras 2, but TF_USE_LEGACY_KERAS is {value!r}: {_ADVICE}")
    loaded = vars(sys.modules["tensorflow"]) if "tensorflow" in sys.modules else {}
    for name in ("keras", "losses", "metrics", "optimizers", "initializers"):
        file = vars(loaded[name]).get("__file__") if name in loaded else None
        if file and f"{os.sep}_tf_keras{os.sep}" in file:
            raise ImportError(f"tf_pruned_rl needs Keras 2, but tf.{name} is already Keras 3 here: {_ADVICE}")


_check_keras()
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# By default TensorFlow takes all of a GPU, so that nothing else, an evaluation say, can run beside it.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
