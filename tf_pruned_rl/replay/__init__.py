"""Replay: n-step transitions of stacked frames, uniform or prioritized, or of vectors."""

from __future__ import annotations

import functools

from tf_pruned_rl.config import Config, ContinuousConfig, ExperimentConfig, OfflineConfig
from tf_pruned_rl.environments import BoxSpec, Spec, screen
from tf_pruned_rl.replay import dataset
from tf_pruned_rl.replay.batch import Batch
from tf_pruned_rl.replay.buffer import FrameReplay, Replay
from tf_pruned_rl.replay.memory import bytes_needed, check_memory
from tf_pruned_rl.replay.offline import OfflineReplay
from tf_pruned_rl.replay.transitions import TransitionReplay

__all__ = [
    "Batch",
    "FrameReplay",
    "OfflineReplay",
    "Replay",
    "TransitionReplay",
    "bytes_needed",
    "check_memory",
    "create",
]


@functools.singledispatch
def create(config: Config, spec: Spec | None = None) -> Replay:
    """Makes the replay of an experiment; see ``check_memory`` before.

    Args:
      config: the run's.
      spec: of its environment; frames need none.
    """
    raise TypeError(f"no replay for a {type(config).__name__}")


@create.register
def _(config: ExperimentConfig, spec: Spec | None = None) -> FrameReplay:
    del spec
    return FrameReplay(
        config.replay.replay_capacity,
        batch_size=config.learning.batch_size,
        num_envs=config.environment.num_envs,
        n_step=config.learning.n_step,
        gamma=config.learning.gamma,
        sampling=config.replay.replay_sampling,
        seed=config.run.seed,
        screen=screen(config),
    )


@create.register
def _(config: OfflineConfig, spec: Spec | None = None) -> OfflineReplay:
    del spec
    return OfflineReplay(
        dataset.sample(config),
        config.replay.replay_capacity,
        batch_size=config.learning.batch_size,
        n_step=config.learning.n_step,
        gamma=config.learning.gamma,
        reload_every=config.replay.reload_every,
        seed=config.run.seed,
    )


@create.register
def _(config: ContinuousConfig, spec: BoxSpec) -> TransitionReplay:
    return TransitionReplay(
        config.replay.replay_capacity,
        spec.observation_size,
        spec.action_size,
        batch_size=config.learning.batch_size,
        num_envs=config.environment.num_envs,
        n_step=config.learning.n_step,
        gamma=config.learning.gamma,
        seed=config.run.seed,
    )
