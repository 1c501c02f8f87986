"""Uniform draws: frequencies, and nothing that is cut by a truncation."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tf_pruned_rl.environments import Screen
from tf_pruned_rl.replay import FrameReplay


def _filled(steps: int, truncated_every: int, **arguments) -> FrameReplay:
    replay = FrameReplay(screen=Screen((2, 2)), **arguments)
    envs = replay.ring.num_envs

    @tf.function
    def fill() -> None:
        for i in tf.range(steps):
            cut = tf.fill([envs], i % truncated_every == 0)
            replay.add(
                tf.zeros([envs, 2, 2], tf.uint8),
                tf.zeros([envs], tf.int32),
                tf.zeros([envs]),
                tf.zeros([envs], tf.bool),
                cut,
            )

    fill()
    return replay


def test_frequencies() -> None:
    """1e5 draws pass a chi-square test against equal chances (p > 0.001)."""
    replay = _filled(500, 10, capacity=600, num_envs=2, n_step=2, seed=5)
    rows, probabilities = replay.sampler.draw(100_000)
    counts = np.bincount(rows, minlength=600)
    # Steps 200 to 499 are stored, 203 to 497 whole; a truncation at 10k cuts 10k - 1 and 10k.
    usable = [env * 300 + t % 300 for env in range(2) for t in range(203, 498) if t % 10 not in (9, 0)]
    assert counts.sum() == counts[usable].sum() == 100_000
    assert scipy.stats.chisquare(counts[usable]).pvalue > 0.001
    assert (probabilities.numpy() == 1).all()
    assert (replay.sampler.weights(probabilities).numpy() == 1).all()


def test_nothing_to_draw_is_an_error() -> None:
    empty = FrameReplay(20, screen=Screen((2, 2)))
    with pytest.raises(tf.errors.InvalidArgumentError, match="no transition"):
        empty.sample()
    with pytest.raises(tf.errors.InvalidArgumentError, match="truncation"):
        tf.function(_filled(10, 1, capacity=20).sample)()


def test_priorities_change_nothing() -> None:
    replay = _filled(50, 10, capacity=60)
    replay.update_priorities(tf.constant([3, 4], tf.int64), tf.constant([1.0, 2.0]))
    assert replay.sampler.variables() == {}
