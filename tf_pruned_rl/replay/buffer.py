"""The replay: a ring, and a sampler that chooses from it."""

from __future__ import annotations

import abc
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tf_pruned_rl.environments.base import Screen
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import REPLAY_SAMPLINGS
from tf_pruned_rl.replay import segments
from tf_pruned_rl.replay.batch import Batch
from tf_pruned_rl.replay.frames import FrameRing
from tf_pruned_rl.replay.placement import in_main_memory
from tf_pruned_rl.seeding import Purpose, tensorflow_generator


class Replay(abc.ABC):
    """A ring of entries in parallel streams, a sampler that draws from them, and the state of both.

    Its subclasses say what is added and what a sample holds. `add`, `sample` and `update_priorities`
    are TensorFlow operations: call them inside a tf.function. They follow one another in program order,
    and are done on the processor.
    """

    refill_every: int = 0
    """Agent steps between calls of ``refill`` that matter; 0 is none after the first."""

    def __init__(self, ring: Any, sampler: type, *, batch_size: int, seed: int):
        """Puts the parts together.

        Args:
          ring: a FrameRing or TransitionRing.
          sampler: made with the ring and the generator of the draws.
          batch_size: transitions per sample.
          seed: of the draws.
        """
        self.batch_size = batch_size
        self.ring = ring
        self.generator = tensorflow_generator(seed, Purpose.REPLAY_SAMPLING)
        self.sampler = sampler(ring, self.generator)

    def refill(self, step: int) -> None:
        """Takes in data that come from elsewhere, as due at an agent step: here there are none."""
        del step

    def provenance(self) -> dict[str, object]:
        """Returns which data come from elsewhere: here none."""
        return {}

    @staticmethod
    def stream_length(capacity: int, num_envs: int, n_step: int, *, shortest: int) -> int:
        """Returns the entries per stream.

        Raises:
          UserError: they are fewer than `shortest`.
        """
        length = capacity // num_envs
        if length < shortest:
            raise UserError(
                f"--replay_capacity={capacity} is too small for {num_envs} environment(s) and {n_step}-step "
                f"returns: use at least {shortest * num_envs}"
            )
        return length

    @in_main_memory
    def sample(self) -> Batch:
        """Draws a batch. Fails (InvalidArgumentError) while there is nothing to draw."""
        return self.batch(*self.sampler.draw(self.batch_size))

    @abc.abstractmethod
    def batch(self, rows: tf.Tensor, probabilities: tf.Tensor) -> Batch:
        """Returns the transitions of entries.

        Args:
          rows: int64 [B], that can be sampled.
          probabilities: float32 [B], of having been drawn.
        """

    @in_main_memory
    def importance_weights(self, batch: Batch) -> tf.Tensor:
        """Returns float32 [B] weights, at most 1, that undo part of the sampling's bias."""
        return self.sampler.weights(batch.probabilities)

    @in_main_memory
    def update_priorities(self, indices: tf.Tensor, losses: tf.Tensor, *, added: int = 0) -> None:
        """Tells the sampler the losses of the entries of a batch.

        Args:
          indices: int64 [B], the batch's.
          losses: float32 [B], without importance weights.
          added: agent steps that every stream has added since the batch was drawn. An entry that they
            took the place of keeps its own priority.
        """
        self.sampler.update(indices, losses, added)

    def _small_variables(self) -> dict[str, tf.Variable]:
        """Everything but the ring's `storage`."""
        return {
            **self.ring.small_variables(),
            "generator": self.generator.state,
            **self.sampler.variables(),
        }

    @in_main_memory
    def save(self, directory: Path, previous: Path | None = None) -> None:
        """Writes the whole state to `directory`, linking the segments that `previous` already has.

        Args:
          directory: made if missing.
          previous: the replay's folder in an earlier checkpoint of the same run.
        """
        directory.mkdir(parents=True, exist_ok=True)
        segments.save(self.ring, directory, previous)
        arrays = {name: variable.numpy() for name, variable in self._small_variables().items()}
        np.savez_compressed(directory / "state.npz", **arrays)

    @in_main_memory
    def load(self, directory: Path) -> None:
        """Restores what `save` wrote, in place.

        Raises:
          ValueError: the saved replay has another shape, or a file is damaged.
        """
        with np.load(directory / "state.npz", allow_pickle=False) as arrays:
            variables = self._small_variables()
            if set(arrays.files) != set(variables):
                raise ValueError(f"{directory}: a replay with other sampling")
            for name, variable in variables.items():
                if arrays[name].shape != tuple(variable.shape):
                    raise ValueError(f"{directory}: a replay of another capacity or number of environments")
            for name, variable in variables.items():
                variable.assign(arrays[name])
        segments.load(self.ring, directory)


class FrameReplay(Replay):
    """Stores single frames, returns n-step transitions of stacked frames."""

    @in_main_memory
    def __init__(
        self,
        capacity: int,
        *,
        batch_size: int = 32,
        num_envs: int = 1,
        n_step: int = 1,
        gamma: float = 0.99,
        sampling: str = "uniform",
        seed: int = 0,
        screen: Screen = Screen(),  # noqa: B008, it cannot change
    ):
        """Makes an empty replay.

        Args:
          capacity: agent steps kept over all streams; rounded down to whole vector steps.
          batch_size: transitions per sample.
          num_envs: streams, kept apart.
          n_step: rewards summed before bootstrapping.
          gamma: discount per agent step.
          sampling: uniform or prioritized.
          seed: of the draws.
          screen: what a frame and a stack are; Atari's by default.

        Raises:
          UserError: unknown sampling, or a capacity too small for a single transition.
        """
        # One entry more than a transition spans; the ring's two moving ends must not meet.
        length = self.stream_length(capacity, num_envs, n_step, shortest=n_step + screen.stack + 1)
        ring = FrameRing(length, num_envs, n_step, gamma, screen)
        super().__init__(ring, REPLAY_SAMPLINGS[sampling], batch_size=batch_size, seed=seed)

    @in_main_memory
    def add(
        self,
        frames: tf.Tensor,
        actions: tf.Tensor,
        rewards: tf.Tensor,
        terminals: tf.Tensor,
        truncations: tf.Tensor,
    ) -> None:
        """Adds one agent step of every stream.

        Args:
          frames: uint8 [N, *frame_shape], the newest frame of the observations acted on.
          actions: int32 [N], the actions taken there.
          rewards: float32 [N], clipped, that followed.
          terminals: bool [N], whether the action ended the episode.
          truncations: bool [N], whether the episode was cut after it; ignored where terminal.
        """
        self.sampler.added(self.ring.write(frames, actions, rewards, terminals, truncations))

    @in_main_memory
    def batch(self, rows: tf.Tensor, probabilities: tf.Tensor) -> Batch:
        """Returns the transitions of entries; see ``Replay``."""
        window = self.ring.window(rows)
        observations, next_observations = self.ring.stacks(rows, window.ages)
        return Batch(
            observations=observations,
            actions=window.actions,
            returns=window.returns,
            discounts=window.discounts,
            next_observations=next_observations,
            indices=rows,
            probabilities=probabilities,
        )
