"""This project as a contender."""

from __future__ import annotations

from measuring import ours

from tf_pruned_rl import config


def test_a_hollow_experiment_never_runs_the_network(monkeypatch):
    wanted = config.replace(
        config.preset("dqn"), network="nature", width=0.25, min_replay_history=40, replay_capacity=200
    )
    experiment = ours.hollow(wanted)

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    agent = experiment.learner.agent
    before = [variable.numpy() for variable in agent.model.trainable_variables]
    for model in (agent.model, agent.target_model):
        monkeypatch.setattr(model, "call", forbidden)
    experiment.collector.reset()
    experiment.advance(10)
    experiment.advance(3)
    assert experiment.gradient_steps == 3 and experiment.agent_steps == 52
    after = [variable.numpy() for variable in agent.model.trainable_variables]
    assert all((one == other).all() for one, other in zip(before, after, strict=True))
