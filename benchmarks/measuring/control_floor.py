"""The machine's limits for Soft Actor-Critic: the best matrix product, and each layer alone."""

from __future__ import annotations

from measuring import flops, worker
from measuring.control import control_config
from measuring.floor import Floor, use_every_core
from measuring.settings import ControlSettings
from tf_pruned_rl import agents, environments
from tf_pruned_rl.runtime import muted_stderr

with muted_stderr():
    import tensorflow as tf

_MATMULS = (256, 512, 1024, 2048, 4096)
"""Sides of the square matrices tried for the peak rate."""


def actor_critic_floor(settings: ControlSettings) -> Floor:
    """Returns the floor of our networks under ``settings``, on every core."""
    use_every_core(settings)
    run = control_config(settings)
    spaces = environments.spaces(run.environment.env)
    agent = agents.create(run, spaces)
    actor, critic = flops.layers_of(agent.model), flops.layers_of(agent.critics[0])
    matmuls = [flops.Layer(f"{n}x{n} by {n}x{n}", (n,), (n,)) for n in _MATMULS]
    return Floor(
        flops.actor_critic(actor, critic, spaces.action_size),
        settings.batch_size,
        acting=actor,
        peaks=[(layer, layer.inputs[0]) for layer in matmuls],
        dtypes=[tf.float32],
    )


if __name__ == "__main__":
    worker.serve(actor_critic_floor, ControlSettings)
