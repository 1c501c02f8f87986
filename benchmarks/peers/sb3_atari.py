"""Stable-Baselines3's DQN on PyTorch's CPU build, through its own ``learn``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import ale_py
import gymnasium
import numpy as np
import stable_baselines3
import torch
from measuring import settings as s
from measuring import worker
from measuring.settings import Settings
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecFrameStack
from torch import nn

_SIDE = 11
"""Height and width of both networks' features."""
_PADDING = {8: 2, 4: 2, 3: 1}
"""Of the Nature network's kernels, so that its shapes are those of SAME padding."""


class Residual(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, channels: int):
        super().__init__()
        self._first = nn.Conv2d(channels, channels, 3, padding=1)
        self._second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns [B, channels, H, W]."""
        return x + self._second(torch.relu(self._first(torch.relu(x))))


class Features(BaseFeaturesExtractor):
    """The torso and the dense layer that everyone has; SB3's own Nature network pads nothing."""

    def __init__(self, observation_space: gymnasium.Space, settings: Settings):
        super().__init__(observation_space, s.DENSE_UNITS)
        layers: list[nn.Module] = []
        inputs = observation_space.shape[0]
        if settings.network == "nature":
            for wide, kernel, stride in s.NATURE_CONVOLUTIONS:
                outputs = s.channels(wide, settings.width)
                layers += [nn.Conv2d(inputs, outputs, kernel, stride, _PADDING[kernel])]
                layers += [nn.ReLU()]
                inputs = outputs
        else:
            for wide in s.IMPALA_STACKS:
                outputs = s.channels(wide, settings.width)
                layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.MaxPool2d(3, 2, padding=1)]
                layers += [Residual(outputs), Residual(outputs)]
                inputs = outputs
            layers += [nn.ReLU()]
        features = inputs * _SIDE * _SIDE
        layers += [nn.Flatten(), nn.Linear(features, s.DENSE_UNITS), nn.ReLU()]
        self._layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns [B, 512] of [B, 4, 84, 84]."""
        return self._layers(x)


class _Until(BaseCallback):
    """Stops ``learn`` at a moment."""

    def __init__(self, moment: float):
        super().__init__()
        self._moment = moment

    def _on_step(self) -> bool:
        return time.perf_counter() < self._moment


class StableBaselines:
    """See Worker."""

    def __init__(self, settings: Settings):
        torch.set_num_threads(settings.threads or len(os.sched_getaffinity(0)))
        gymnasium.register_envs(ale_py)
        env = make_atari_env(
            f"ALE/{settings.game}-v5",
            n_envs=1,
            seed=0,
            env_kwargs={"repeat_action_probability": 0.25, "frameskip": 1},
            wrapper_kwargs={"terminal_on_life_loss": False, "noop_max": 0},
        )
        self._settings = settings
        self._model = DQN(
            "CnnPolicy",
            VecFrameStack(env, 4),
            learning_rate=s.LEARNING_RATE,
            buffer_size=settings.replay_capacity,
            learning_starts=settings.warmup,
            batch_size=settings.batch_size,
            gamma=s.GAMMA,
            train_freq=settings.gradient_every,
            gradient_steps=1,
            target_update_interval=s.TARGET_UPDATE_AGENT_STEPS,
            exploration_initial_eps=s.EPSILON,
            exploration_final_eps=s.EPSILON,
            policy_kwargs={
                "features_extractor_class": Features,
                "features_extractor_kwargs": {"settings": settings},
                "net_arch": [],
                "optimizer_kwargs": {"eps": s.ADAM_EPSILON},
            },
            device="cpu",
        )
        self._model.learn(settings.warmup + 4 * settings.gradient_every, log_interval=None)
        self._startup = worker.process_age()
        self.loop(2.0)
        self._parts = self._make_parts()

    def about(self) -> dict[str, object]:
        """See Worker."""
        return {
            "startup_seconds_with_warmup": self._startup,
            "parameters": sum(each.numel() for each in self._model.q_net.parameters()),
            "threads": torch.get_num_threads(),
            "versions": {"stable-baselines3": stable_baselines3.__version__, "torch": torch.__version__},
        }

    def loop(self, seconds: float) -> dict[str, float]:
        """See Worker; ``learn`` goes on where it stopped."""
        model, start = self._model, time.perf_counter()
        before = model.num_timesteps
        model.learn(2**40, callback=_Until(start + seconds), log_interval=None, reset_num_timesteps=False)
        return worker.slice_of(model.num_timesteps - before, time.perf_counter() - start)

    def _make_parts(self) -> dict[str, Callable[[], object]]:
        model = self._model
        env, buffer, batch_size = model.env, model.replay_buffer, self._settings.batch_size
        observation = model._last_obs.copy()
        action, reward, done = np.zeros(1, np.int64), np.zeros(1, np.float32), np.zeros(1, bool)
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


if __name__ == "__main__":
    worker.serve(StableBaselines)
