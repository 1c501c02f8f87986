"""Verifying an export: the comparison by hand, the limits, and frames that are the game's."""

from __future__ import annotations

import numpy as np
import pytest

from tf_pruned_rl import config, environments
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.exporting import verification

SHAPE = (84, 84, 4)


def test_compares_values_and_actions():
    observations = np.arange(40, dtype=np.uint8).reshape(40, 1, 1, 1)
    observations[39] = 38  # two that are the same

    def reference(batch: np.ndarray) -> np.ndarray:
        return np.concatenate([batch[:, 0, 0] * 0.1, 2.0 + 0 * batch[:, 0, 0]], axis=1).astype(np.float32)

    def candidate(one: np.ndarray) -> np.ndarray:
        assert len(one) == 1, "as it will be used"
        return reference(one) + np.float32([0.15, 0.0])

    found = verification.compare(reference, candidate, observations)
    assert (found.frames, found.distinct_frames) == (40, 39)
    assert found.max_q_difference == pytest.approx(0.15, abs=1e-6)
    assert found.q_range == pytest.approx(3.8, abs=1e-6)
    # The first action wins from 2.0, at 20, with 0.15 more from 19 on.
    assert found.equal_actions == pytest.approx(39 / 40)


@pytest.mark.parametrize(("equal", "int8", "allowed"), [
    (0.999, False, True), (0.998, False, False), (0.99, True, True), (0.989, True, False),
])  # fmt: skip
def test_limits_are_one_in_a_thousand_and_one_in_a_hundred_for_int8(equal, int8, allowed):
    found = verification.Verification(1000, 900, 0.5, 2.0, equal)
    if allowed:
        assert found.check("x", int8=int8, force=False)["forced"] is False
        return
    with pytest.raises(
        UserError, match="x disagrees .* on 1,000 frames.*Q difference 0.5.*--force"
    ) as caught:
        found.check("x", int8=int8, force=False)
    assert "\n" not in str(caught.value)
    entry = found.check("x", int8=int8, force=True)
    assert entry["forced"] is True and entry["equal_actions"] == equal


def test_observations_are_what_a_player_of_the_game_sees():
    game = config.replace(config.ExperimentConfig(), game="Breakout")
    acted = []

    def fire(stacks: np.ndarray) -> np.ndarray:
        acted.append(stacks)
        return np.float32([[0, 1, 0, 0]])

    def observe(seed: int) -> np.ndarray:
        return verification.observe(
            fire, environments.create(game, seed=seed), observation_shape=SHAPE, seed=seed
        )

    seen = observe(3)
    assert seen.shape == (verification.FRAMES, *SHAPE) and seen.dtype == np.uint8
    np.testing.assert_array_equal(seen, np.concatenate(acted))
    first = environments.create(game, seed=3).reset()
    np.testing.assert_array_equal(seen[0, ..., 3], first[0])
    np.testing.assert_array_equal(seen[1:50, ..., :3], seen[:49, ..., 1:])
    assert len(np.unique(seen, axis=0)) > 100, "the game goes on"
    np.testing.assert_array_equal(seen, observe(3))
