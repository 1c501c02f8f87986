"""Stable-Baselines3 on PyTorch's CPU build, through its own ``learn``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np
import stable_baselines3
import torch
from measuring import worker
from measuring.settings import AnySettings
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from torch import nn


class _Until(BaseCallback):
    """Stops ``learn`` at a moment."""

    def __init__(self, moment: float):
        super().__init__()
        self._moment = moment

    def _on_step(self) -> bool:
        return time.perf_counter() < self._moment


class StableBaselines:
    """See Worker."""

    def __init__(self, settings: AnySettings):
        self._settings = settings
        torch.set_num_threads(settings.threads or 1)
        self._model = self._make_model()
        self._model.learn(settings.warmup + 4 * settings.gradient_every, log_interval=None)
        self._startup = worker.process_age()
        self.loop(2.0)
        self._parts = self._make_parts()

    def _best_threads(self) -> int:
        """Returns 1 or every core, whichever trains faster now.

        PyTorch would take every core; its threads wait for each other in every operation, so that one
        that has to share its core with another program makes a small network's step slower by far.
        """

        def milliseconds(threads: int) -> float:
            torch.set_num_threads(threads)
            batch_size = self._settings.batch_size
            return worker.median_ms(lambda: self._model.train(batch_size=batch_size, gradient_steps=1), 0.3)

        return min({1, len(os.sched_getaffinity(0))}, key=milliseconds)

    def _make_model(self) -> OffPolicyAlgorithm:
        """Returns the model with its environment."""
        raise NotImplementedError

    def _networks(self) -> list[nn.Module]:
        """Returns the networks that are trained."""
        raise NotImplementedError

    def about(self) -> dict[str, object]:
        """See Worker."""
        return {
            "startup_seconds_with_warmup": self._startup,
            "parameters": sum(each.numel() for network in self._networks() for each in network.parameters()),
            "threads": torch.get_num_threads(),
            "versions": {"stable-baselines3": stable_baselines3.__version__, "torch": torch.__version__},
        }

    def loop(self, seconds: float) -> dict[str, float]:
        """See Worker; ``learn`` goes on where it stopped."""
        if not self._settings.threads:
            torch.set_num_threads(self._best_threads())
        model, start = self._model, time.perf_counter()
        before = model.num_timesteps
        model.learn(2**40, callback=_Until(start + seconds), log_interval=None, reset_num_timesteps=False)
        return worker.slice_of(model.num_timesteps - before, time.perf_counter() - start)

    def _make_parts(self) -> dict[str, Callable[[], object]]:
        model = self._model
        env, buffer, batch_size = model.env, model.replay_buffer, self._settings.batch_size
        observation = model._last_obs.copy()
        reward, done = np.zeros(1, np.float32), np.zeros(1, bool)
        action = np.zeros_like(model.action_space.sample())[None]
        return {
            "train with sample": lambda: model.train(batch_size=batch_size, gradient_steps=1),
            "action": lambda: model._sample_action(self._settings.warmup, None, 1),
            "environment": lambda: env.step(action),
            "add": lambda: buffer.add(observation, observation, action, reward, done, [{}]),
            "sample": lambda: buffer.sample(batch_size, env=model._vec_normalize_env),
        }

    def parts(self, seconds: float) -> dict[str, float]:
        """See Worker; SB3 samples inside its training step, so that is taken off."""
        share = seconds / len(self._parts)
        found = {name: worker.median_ms(call, share) for name, call in self._parts.items()}
        found["train"] = found.pop("train with sample") - found["sample"]
        return found

    def rare(self) -> dict[str, float]:
        """See Worker: nothing is left out of its loop."""
        return {}
