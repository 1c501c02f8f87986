"""Prints what one add and one sample of the replay cost inside a tf.function, and the memory taken.

python benchmarks/replay.py --capacity=1000000 --num_envs=1
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import psutil

from tf_pruned_rl import config, replay

import tensorflow as tf  # isort: skip  (after the package, which chooses the Keras version)

_REPEATS = 15


def _median(call: Callable[[], object], count: int) -> float:
    """Returns the median seconds of one of the `count` operations inside `call`."""
    seconds = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        call()
        seconds.append((time.perf_counter() - start) / count)
    return statistics.median(seconds)


def _adder(buffer: replay.FrameReplay) -> Callable[[int], None]:
    envs = buffer.ring.num_envs
    frames = tf.cast(tf.random.uniform([envs, 84, 84], 0, 256, tf.int32, seed=1), tf.uint8)

    @tf.function
    def add(count: tf.Tensor) -> None:
        for i in tf.range(count):
            over = tf.fill([envs], i % 800 == 799)
            buffer.add(frames, tf.zeros([envs], tf.int32), tf.ones([envs]), over, tf.zeros([envs], tf.bool))

    return lambda count: add(tf.constant(count))


def _sampler(buffer: replay.FrameReplay, update: bool) -> Callable[[int], tf.Tensor]:
    losses = tf.random.uniform([buffer.batch_size], seed=2)

    @tf.function
    def sample(count: tf.Tensor) -> tf.Tensor:
        used = tf.constant(0.0)
        for _ in tf.range(count):
            batch = buffer.sample()
            weights = buffer.importance_weights(batch)
            # Something of every result is used, so that nothing is optimised away.
            pixels = tf.cast(batch.observations[0, 0, 0, 0] ^ batch.next_observations[0, 0, 0, 0], tf.float32)
            used += pixels + tf.reduce_sum(batch.returns * batch.discounts * weights)
            if update:
                buffer.update_priorities(batch.indices, losses)
        return used

    return lambda count: sample(tf.constant(count)).numpy()


def measure(sampling: str, capacity: int, num_envs: int, n_step: int) -> None:
    """Fills one replay and prints its figures."""
    experiment = config.replace(
        config.preset("dqn"),
        replay_capacity=capacity,
        num_envs=num_envs,
        n_step=n_step,
        replay_sampling=sampling,
    )
    print(replay.describe_memory(experiment))
    replay.check_memory(experiment)
    before = psutil.Process().memory_info().rss
    buffer = replay.create(experiment)
    add = _adder(buffer)
    start = time.perf_counter()
    add(capacity // num_envs)
    filling = time.perf_counter() - start
    grown = psutil.Process().memory_info().rss - before
    print(
        f"{sampling}, {capacity:,} steps, {num_envs} environment(s), {n_step}-step, batch {buffer.batch_size}"
    )
    print(f"  filled in {filling:.0f} s, memory grew by {grown / 1e9:.2f} GB")
    print(f"  add     {_median(lambda: add(2_000), 2_000) * 1e6:8.1f} us (all environments)")
    for update in (False, True):
        sample = _sampler(buffer, update)
        sample(10)
        name = "sample and update" if update else "sample"
        print(f"  {name:<18}{_median(lambda s=sample: s(200), 200) * 1e3:6.3f} ms", flush=True)


def main() -> None:
    """Parses the flags, measures both samplers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--capacity", type=int, default=1_000_000, help="agent steps")
    parser.add_argument("--num_envs", type=int, default=1, help="environments side by side")
    parser.add_argument("--n_step", type=int, default=3, help="agent steps per transition")
    parser.add_argument(
        "--sampling", nargs="+", default=["uniform", "prioritized"], help="samplers to measure"
    )
    flags = parser.parse_args()
    for sampling in flags.sampling:
        measure(sampling, flags.capacity, flags.num_envs, flags.n_step)


if __name__ == "__main__":
    main()
