"""Generators by seed and purpose: what they draw is frozen, as it is part of every run's results."""

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import seeding
from tf_pruned_rl.seeding import Purpose

FIRST_DRAWS = {
    "REPLAY_SAMPLING": 1_665_310_970,
    "AUGMENTATION": 3_377_585_007,
    "SAC_ACTIONS": 262_217_522,
    "PRUNING": 1_720_273_062,
    "INTERVENTIONS": 2_417_247_147,
    "DIAGNOSTICS": 2_365_030_265,
    "DATA_SAMPLE": 1_106_801_937,
    "DATA_ORDER": 2_497_550_817,
    "NOOPS": 2_578_234_644,
}


def test_no_two_purposes_share_a_number():
    assert len({int(purpose) for purpose in Purpose}) == len(Purpose.__members__) == 9


def test_a_numpy_generator_is_that_of_the_seed_sequence_of_its_key():
    ours = seeding.numpy_generator(3, Purpose.DATA_ORDER, 5).integers(1 << 32, size=4)
    theirs = np.random.Generator(np.random.PCG64(np.random.SeedSequence([3, 0x0DE2, 5])))
    assert ours.tolist() == theirs.integers(1 << 32, size=4).tolist()


def test_the_order_of_the_key_matters():
    draws = [seeding.numpy_generator(*key).random() for key in ((3, Purpose.NOOPS), (Purpose.NOOPS, 3))]
    assert draws[0] != draws[1]


def test_the_draws_of_every_tensorflow_generator_are_frozen():
    """The first 32 bits of Philox-4x32-10 by TensorFlow 2.15, for seed 3."""
    first = {
        purpose.name: int(seeding.tensorflow_generator(3, purpose).uniform_full_int([], tf.uint32))
        for purpose in Purpose
    }
    assert first == FIRST_DRAWS


def test_a_reset_generator_draws_as_a_new_one():
    generator = seeding.tensorflow_generator(1, Purpose.DIAGNOSTICS, 7)
    expected = generator.normal([3]).numpy()
    generator.reset_from_seed(seeding.philox_seed(1, Purpose.DIAGNOSTICS, 7))
    assert generator.normal([3]).numpy().tolist() == expected.tolist()


def test_a_run_has_three_seeds_and_evaluations_their_own():
    assert seeding.run_seeds(3) == tuple(np.random.SeedSequence(3).generate_state(3).tolist())
    assert seeding.evaluation_seed(1, 5) == 4_294_967_301
    assert len({seeding.evaluation_seed(seed, step) for seed in range(3) for step in range(3)}) == 9


def test_a_generator_without_a_purpose_is_refused():
    with pytest.raises(ValueError, match="needs a Purpose"):
        seeding.numpy_generator(3, 0x0DE2)
