"""Exports what a learner has learned so far."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tf_pruned_rl.config import Config
from tf_pruned_rl.exporting.saved_model import Trained, export_policy
from tf_pruned_rl.networks import without_noise
from tf_pruned_rl.policies.policy_json import TrainingFacts

if TYPE_CHECKING:
    from tf_pruned_rl.training.learner import Learner


def export_learner(
    learner: Learner,
    directory: Path | str,
    *,
    config: Config,
    action_meanings: Sequence[str],
    agent_steps: int,
    mean_return: float | None,
) -> dict:
    """Writes the learner's online network, or actor, as a policy; see ``export_policy``.

    Of noisy layers the mean weights are written.

    Args:
      learner: at rest, between two gradient steps.
      directory: where to write.
      config: the run's.
      action_meanings: one name per action; none in continuous control.
      agent_steps: made so far.
      mean_return: mean un-clipped training return of the last iteration, or None before its end.

    Returns:
      The content of policy.json.

    Raises:
      RuntimeError: the weights are not as sparse as the schedule asks.
      UserError: the directory cannot be written, or holds something that is no policy.
    """
    trained = from_learner(
        learner,
        config=config,
        action_meanings=action_meanings,
        agent_steps=agent_steps,
        mean_return=mean_return,
    )
    return export_policy(trained, directory)


def from_learner(
    learner: Learner,
    *,
    config: Config,
    action_meanings: Sequence[str],
    agent_steps: int,
    mean_return: float | None,
) -> Trained:
    """Returns what the learner has learned so far; the arguments are those of ``export_learner``.

    Raises:
      RuntimeError: the weights are not as sparse as the schedule asks.
    """
    gradient_steps = int(learner.gradient_steps.numpy())
    learner.pruner.check(gradient_steps)
    model = without_noise(learner.agent.model)
    layers, target_sparsity = learner.pruner.report(model, gradient_steps)
    return Trained(
        model,
        config=config,
        action_meanings=action_meanings,
        layers=layers,
        target_sparsity=target_sparsity,
        training=TrainingFacts(
            frames=agent_steps * config.frames_per_step,
            agent_steps=agent_steps,
            gradient_steps=gradient_steps,
            mean_return=mean_return,
        ),
    )
