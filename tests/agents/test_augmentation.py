"""Shifts and intensities: their distributions, what they do to pixels, what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tf_pruned_rl.agents.augmentation import ShiftAndIntensity, shift


def _coordinates(count: int) -> tf.Tensor:
    """Images whose two channels hold 100 + row and 100 + column: none is 0, all fit in a byte."""
    rows, columns = np.meshgrid(np.arange(20), np.arange(20), indexing="ij")
    image = 100 + np.stack([rows, columns], axis=-1)
    return tf.constant(np.tile(image[None], (count, 1, 1, 1)), tf.uint8)


@pytest.mark.parametrize("down", [-4, 0, 3])
@pytest.mark.parametrize("right", [-4, -1, 3])
def test_shift_is_a_crop_of_the_edge_padded_image(down: int, right: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 84, 84, 4)).astype(np.uint8)
    padded = np.pad(images, [(0, 0), (4, 4), (4, 4), (0, 0)], mode="edge")
    expected = padded[:, 4 + down : 88 + down, 4 + right : 88 + right]
    found = shift(tf.constant(images), tf.fill([3], down), tf.fill([3], right))
    assert found.dtype == tf.uint8
    np.testing.assert_array_equal(found, expected)


def test_each_image_has_its_own_shift() -> None:
    images = tf.constant(np.random.default_rng(0).integers(0, 256, (2, 9, 9, 4)), tf.uint8)
    both = shift(images, tf.constant([1, -2]), tf.constant([0, 3]))
    for index, (down, right) in enumerate([(1, 0), (-2, 3)]):
        alone = shift(images[index : index + 1], tf.constant([down]), tf.constant([right]))
        np.testing.assert_array_equal(both[index : index + 1], alone)


def test_shifts_are_uniform_and_independent() -> None:
    # Chi-square of 64 equally likely pairs; p above 0.001 for a fixed seed.
    count = 12_800
    images = ShiftAndIntensity(seed=5).augment(_coordinates(count)).numpy()
    ratio = images[:, 10, 10] / images[:, 11, 11]  # (110 + s) / (111 + s), whatever the intensity
    shifts = np.rint(1 / (1 / ratio - 1) - 110).astype(int)
    assert set(np.unique(shifts)) == set(range(-4, 4))
    table = np.zeros((8, 8))
    np.add.at(table, (shifts[:, 0] + 4, shifts[:, 1] + 4), 1)
    assert scipy.stats.chisquare(table.ravel()).pvalue > 0.001


def test_intensities_are_a_normal_cut_at_two_deviations() -> None:
    # Kolmogorov-Smirnov between the ends, binomial at them; p above 0.001 for a fixed seed.
    count = 20_000
    images = ShiftAndIntensity(seed=2).augment(tf.fill([count, 1, 1, 1], tf.constant(200, tf.uint8)))
    deviates = (images.numpy().ravel().astype(np.float64) / 200 - 1) / 0.05
    assert np.abs(deviates).max() <= 2 + 1e-4
    inside = deviates[np.abs(deviates) < 2 - 1e-4]
    share = 2 * scipy.stats.norm.sf(2)
    assert scipy.stats.binomtest(count - len(inside), count, share).pvalue > 0.001
    assert scipy.stats.kstest(inside, scipy.stats.truncnorm(-2, 2).cdf).pvalue > 0.001


def test_frames_of_a_stack_share_both_and_successors_do_not(batch) -> None:
    frames = np.random.default_rng(0).integers(1, 256, (8, 84, 84, 1)).astype(np.uint8)
    stacks = tf.constant(np.tile(frames, (1, 1, 1, 4)))
    augmented = ShiftAndIntensity(seed=0)(batch._replace(observations=stacks, next_observations=stacks))
    for images in (augmented.observations.numpy(), augmented.next_observations.numpy()):
        assert images.dtype == np.float32
        assert (images == images[..., :1]).all()
    same = [
        np.array_equal(a, b) for a, b in zip(augmented.observations, augmented.next_observations, strict=True)
    ]
    assert not any(same)
    assert augmented.actions is batch.actions and augmented.returns is batch.returns


def test_acting_is_not_augmented_and_learning_is(make_agent, batch, monkeypatch) -> None:
    agent = make_agent("drq_eps")
    seen = []
    original = type(agent).loss_per_example
    monkeypatch.setattr(
        type(agent),
        "loss_per_example",
        lambda self, batch, state: seen.append(batch) or original(self, batch, state),
    )
    generator = agent.trackables()["augmentation"]
    state = generator.state.numpy()
    np.testing.assert_array_equal(
        agent.exploring_q_values(batch.observations), agent.model(batch.observations)
    )
    np.testing.assert_array_equal(generator.state, state)
    agent.train_step(batch, tf.ones(8))
    assert not np.array_equal(generator.state, state)
    assert seen[0].observations.dtype == tf.float32
