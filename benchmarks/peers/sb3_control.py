"""Stable-Baselines3's SAC."""

from __future__ import annotations

from measuring import settings as s
from measuring import worker
from measuring.settings import ControlSettings
from stable_baselines3 import SAC
from torch import nn

from peers import sb3_loop


class StableBaselinesControl(sb3_loop.StableBaselines):
    """See Worker."""

    def _make_model(self) -> SAC:
        settings = self._settings
        return SAC(
            "MlpPolicy",
            settings.env,
            learning_rate=s.SAC_LEARNING_RATE,
            buffer_size=settings.replay_capacity,
            learning_starts=settings.warmup,
            batch_size=settings.batch_size,
            tau=s.SAC_TAU,
            gamma=s.GAMMA,
            train_freq=settings.gradient_every,
            gradient_steps=1,
            policy_kwargs={"net_arch": [settings.units, settings.units]},
            device="cpu",
        )

    def _networks(self) -> list[nn.Module]:
        return [self._model.actor, self._model.critic]


if __name__ == "__main__":
    worker.serve(StableBaselinesControl, ControlSettings)
