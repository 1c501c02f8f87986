"""What this machine offers to a process: cores, GPUs, memory, threads; and libraries kept quiet."""

from __future__ import annotations

import contextlib
import glob
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    import tensorflow as tf


def available_cores() -> int:
    """Returns the cores that this process may use: fewer than the machine has where it was given fewer."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_bytes() -> int:
    """Returns the memory this process may still take: the machine's, or its control group's if less."""
    return min([psutil.virtual_memory().available, *_control_groups()])


def _control_groups() -> list[int]:
    """Returns what is left in each memory control group this process is known to be in (Linux)."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    left = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            names, root = ("memory.max", "memory.current", "inactive_file"), Path("/sys/fs/cgroup")
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            root = Path("/sys/fs/cgroup/memory")
        else:
            continue
        # In a container the group's own folder is often mounted as the root.
        rooms = (control_group_room(folder, *names) for folder in {root / path.strip("/"), root})
        left += [room for room in rooms if room is not None]
    return left


def control_group_room(folder: Path, limit: str, usage: str, cache: str) -> int | None:
    """Returns what a control group has left, its idle file cache counted as free; None without a limit."""
    try:
        maximum = (folder / limit).read_text().strip()
        used = int((folder / usage).read_text())
        statistics = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    if maximum == "max":
        return None
    return max(int(maximum) - used + int(statistics.get(cache, 0)), 0)


def processor_name() -> str:
    """Returns the processor's model name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def gpu_names() -> list[str]:
    """Returns the names of the machine's NVIDIA GPUs, without loading TensorFlow to ask."""
    names = []
    for information in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        for line in information.read_text().splitlines():
            if line.startswith("Model:"):
                names.append(line.partition(":")[2].strip())
    return names


def visible_gpus() -> list[str]:
    """Returns the GPUs that a process started here can use, as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [gpu for gpu in named.split(",") if gpu not in ("", "-1")]
    return [str(index) for index in range(len(glob.glob("/dev/nvidia[0-9]*")))]


def tensorflow_gpus() -> list[tf.config.PhysicalDevice]:
    """Returns the GPUs that TensorFlow can use."""
    import tensorflow as tf

    with muted_stderr():  # CUDA complains where there is none
        return tf.config.list_physical_devices("GPU")


def configure_tensorflow(*, threads: int = 0, deterministic: bool = False) -> None:
    """Sets TensorFlow's threads and determinism, and that oneDNN's primitives are kept.

    Threads stay as they are if TensorFlow is in use already, and primitives if a convolution has run.

    Args:
      threads: cores to keep busy; 0 is every core that this process may use.
      deterministic: make every operation reproducible bit by bit.
    """
    import tensorflow as tf

    within, side_by_side = thread_pools(threads or available_cores())
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(within)
        tf.config.threading.set_inter_op_parallelism_threads(side_by_side)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    # Otherwise those of the filters' gradients are made anew at every step, which once saved memory.
    os.environ.setdefault("TF_MKL_OPTIMIZE_PRIMITIVE_MEMUSE", "0")


def graph_fusions(enabled: bool) -> None:
    """Says whether TensorFlow joins a product, its bias and its ReLU, in graphs first called from now on.

    In bfloat16 that saves 4 % of a cycle, in float32 nothing (docs/performance-tried.md). A ReLU that is
    joined makes 0 of NaN, but for those of a gradient step in bfloat16 (``compute.dense.relu``).
    """
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"remapping": enabled})


def thread_pools(cores: int) -> tuple[int, int]:
    """Returns the threads of one operation, and how many operations run side by side, on so many cores.

    A gradient step has two operations ready nearly always: the two networks' forward passes, the
    gradients of filters and inputs. A core for each beats both for one, which wait for each other
    (docs/performance-tried.md). One or two cores were measured; of more, two go to an emulator's thread and
    to operations too small to be shared out.
    """
    return max(1, cores // 2), cores if cores <= 2 else 4


@contextlib.contextmanager
def muted_stderr() -> Iterator[None]:
    """Holds back what is written to stderr meanwhile, by C++ too; shows it after all if there is an error.

    TensorFlow's C++ and old gym, which TF-Agents imports, print a dozen lines that no setting turns off.
    """
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as buffer:
        os.dup2(buffer.fileno(), 2)
        try:
            yield
        except BaseException:
            buffer.seek(0)
            os.write(screen, buffer.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(screen, 2)
            os.close(screen)
