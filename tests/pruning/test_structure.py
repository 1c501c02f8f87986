"""Blocks, channels and 2:4, by hand and on kernels of awkward shapes."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import config
from tf_pruned_rl.config import validation
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.pruning import Pruner
from tf_pruned_rl.pruning.structure import Block, Channel, NofM, create

SHAPES = [(8, 8), (10, 6), (3, 3, 5, 9)]


def select(structure, scores: np.ndarray, keep: int, mask: np.ndarray | None = None) -> np.ndarray:
    mask = np.ones(scores.shape, bool) if mask is None else mask
    return structure.select(tf.constant(scores, tf.float32), tf.constant(mask), tf.constant(keep)).numpy()


@pytest.mark.parametrize("sides", [(4, 4), (16, 1), (1, 3)])
@pytest.mark.parametrize("shape", [*SHAPES, (40, 3)])
def test_blocks_with_the_largest_means_stay(shape, sides):
    scores, structure = np.random.default_rng(0).uniform(size=shape), Block(*sides)
    means = {}
    for place in np.ndindex(*shape[:-2]):
        for row in range(0, shape[-2], sides[0]):
            for column in range(0, shape[-1], sides[1]):
                block = (*place, slice(row, row + sides[0]), slice(column, column + sides[1]))
                means[place, row, column] = scores[block].mean(), block
    assert structure.num_units(shape) == len(means)
    for keep in (1, 3, len(means)):
        expected = np.zeros(shape, bool)
        for _, block in sorted(means.values(), key=lambda pair: -pair[0])[:keep]:
            expected[block] = True
        mask = select(structure, scores, keep)
        np.testing.assert_array_equal(mask, expected)
        assert structure.kept_units(mask) == keep


@pytest.mark.parametrize("shape", SHAPES)
def test_channels_with_the_largest_norms_stay_among_those_left(shape):
    scores, structure = np.random.default_rng(4).uniform(size=shape), Channel()
    norms = np.linalg.norm(scores.reshape(-1, shape[-1]), axis=0)
    mask = np.broadcast_to(np.arange(shape[-1]) != norms.argmax(), shape)
    assert structure.num_units(shape) == shape[-1] and structure.min_units(shape) == 1
    for keep in (1, 3, shape[-1] - 1):
        kept = np.argsort(-norms)[1 : 1 + keep]
        expected = np.broadcast_to(np.isin(np.arange(shape[-1]), kept), shape)
        selected = select(structure, scores, keep, mask)
        np.testing.assert_array_equal(selected, expected)
        assert structure.kept_units(selected) == keep


@pytest.mark.parametrize("block", ["16", "16x", "0x4", "4x-1", "4x4x4", "axb", ""])
def test_sizes_that_are_none(block):
    with pytest.raises(UserError, match=f"--block={block} is not the size of a block: give inputs x outputs"):
        create("block", block)
    with pytest.raises(UserError, match=f"--block={block}"):
        validation.validate(config.replace(config.preset("dqn"), block=block))
    assert create("block", "16x1").num_units((40, 3)) == 9


@pytest.mark.parametrize("shape", SHAPES)
def test_two_of_four_at_the_end_and_never_three_before(shape):
    scores, structure = np.random.default_rng(1).uniform(size=shape), NofM()
    size, least = int(np.prod(shape)), structure.min_units(shape)
    mask = None
    for keep in (size, (size + least) // 2, least + 1, least):
        before, mask = mask, select(structure, scores, keep, mask)
        assert mask.sum() == keep
        assert before is None or not (mask & ~before).any()
        for start in range(0, shape[-2], 4):
            group = mask[..., start : start + 4, :].sum(axis=-2)
            assert (group >= min(2, shape[-2] - start)).all()
    order = np.argsort(-scores[..., :4, :], axis=-2)
    assert np.take_along_axis(mask[..., :4, :], order, -2)[..., :2, :].all()


@pytest.mark.parametrize(("shape", "sparsity"), [("block", 0.75), ("n_m", 0.5), ("channel", 0.75)])
def test_gradual_pruning_ends_on_target(shape, sparsity):
    layers = [tf_keras.layers.Conv2D(8, 3, input_shape=(9, 9, 4)), tf_keras.layers.Flatten()]
    model = tf_keras.Sequential([*layers, tf_keras.layers.Dense(16)])
    pruner = Pruner(
        model,
        sparsity=sparsity,
        begin_step=2,
        end_step=11,
        every=4,
        distribution="uniform",
        method="magnitude",
        shape=shape,
    )
    for step in range(1, 14):
        for variable in model.trainable_variables:
            variable.assign_add(tf.random.stateless_normal(variable.shape, (step, 1)))
        pruner.after_gradient_step(step)
        pruner.check(step)
    assert pruner.sparsity() == pytest.approx(sparsity, abs=2e-3)
