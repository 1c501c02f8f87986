"""Stable-Baselines3's DQN."""

from __future__ import annotations

import ale_py
import gymnasium
import torch
from measuring import settings as s
from measuring import worker
from measuring.settings import Settings
from stable_baselines3 import DQN
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecFrameStack
from torch import nn

from peers import sb3_loop

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


class StableBaselinesAtari(sb3_loop.StableBaselines):
    """See Worker."""

    def _make_model(self) -> DQN:
        settings = self._settings
        gymnasium.register_envs(ale_py)
        env = make_atari_env(
            f"ALE/{settings.game}-v5",
            n_envs=1,
            seed=0,
            env_kwargs={"repeat_action_probability": 0.25, "frameskip": 1},
            wrapper_kwargs={"terminal_on_life_loss": False, "noop_max": 0},
        )
        return DQN(
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

    def _networks(self) -> list[nn.Module]:
        return [self._model.q_net]


if __name__ == "__main__":
    worker.serve(StableBaselinesAtari)
