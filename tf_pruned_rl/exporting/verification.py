"""Holds an exported policy against the float32 network it was made from, on frames of the real game."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from tf_pruned_rl.environments.base import Environment
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.policies.episodes import EpsilonGreedy

FRAMES = 1_000
"""Observations that an export is verified on, at least."""
EPSILON = 0.1
"""Probability of a random action while they are collected, so that they are not one trajectory's alone."""
ALLOWED = {False: 0.001, True: 0.01}
"""{int8: share of the actions that may differ}"""

QValues = Callable[[np.ndarray], np.ndarray]
"""uint8[B, *observation_shape] -> float32[B, num_actions]"""


@dataclass(frozen=True)
class Verification:
    """How an exported policy compares with the network."""

    frames: int
    """Observations that were compared."""
    distinct_frames: int
    """How many of them are different ones."""
    max_q_difference: float
    """Largest difference between two Q-values."""
    q_range: float
    """From the least to the greatest Q-value of the network, for comparison."""
    equal_actions: float
    """Share of the observations for which both choose the same action."""

    def check(self, name: str, *, int8: bool, force: bool) -> dict:
        """Returns what policy.json says of it.

        Raises:
          UserError: more actions differ than may, and it is not forced.
        """
        refused = self.equal_actions < 1 - ALLOWED[int8]
        if refused and not force:
            raise UserError(
                f"{name} disagrees with the float32 network in {1 - self.equal_actions:.2%} of the actions "
                f"on {self.frames:,} frames, {ALLOWED[int8]:.1%} are allowed (largest Q difference "
                f"{self.max_q_difference:.3g}, Q-values range over {self.q_range:.3g}); leave the format "
                "out, or give --force"
            )
        return asdict(self) | {"allowed_unequal_actions": ALLOWED[int8], "forced": refused}


def observe(
    q_values: QValues, environment: Environment, *, observation_shape: tuple[int, int, int], seed: int
) -> np.ndarray:
    """Returns uint8[FRAMES, *observation_shape]: what a policy sees in its game, epsilon-greedily played."""
    count = environment.num_envs
    player = EpsilonGreedy(
        q_values, observation_shape=observation_shape, num_envs=count, epsilon=EPSILON, seed=seed
    )
    frames, is_first = environment.reset(), np.ones(count, bool)
    batches: list[np.ndarray] = []
    while len(batches) * count < FRAMES:
        actions = player(frames, is_first)
        batches.append(player.observations)
        frames, _, terminals, truncations = environment.step(actions)
        is_first = terminals | truncations
    return np.concatenate(batches)


def compare(reference: QValues, candidate: QValues, observations: np.ndarray) -> Verification:
    """Compares the values of two policies, the candidate's one observation at a time, as it will be used."""
    expected = np.concatenate([reference(batch) for batch in np.array_split(observations, 20)])
    values = np.concatenate([candidate(one[None]) for one in observations])
    return Verification(
        frames=len(observations),
        distinct_frames=len({one.tobytes() for one in observations}),
        max_q_difference=float(np.abs(values - expected).max()),
        q_range=float(expected.max() - expected.min()),
        equal_actions=float(np.mean(values.argmax(-1) == expected.argmax(-1))),
    )
