"""What every intervention promises, and the choice among them."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tf_pruned_rl import config, interventions
from tf_pruned_rl.errors import UserError

KINDS = {"none": interventions.NoIntervention, "redo": interventions.Redo, "reset": interventions.Reset}


@pytest.mark.parametrize("name", KINDS)
def test_every_name_has_its_class(make_learner, name):
    intervention = make_learner(intervention=name).intervention
    assert type(intervention) is KINDS[name] and isinstance(intervention, interventions.Intervention)
    assert set(intervention.trackables()) == (set() if name == "none" else {"intervention/generator"})


def test_none_changes_nothing(make_learner, replay, snapshot):
    learner = make_learner()
    before = snapshot(learner)
    for each in (learner.intervention, learner.regularizer):
        tf.function(lambda each=each: each.after_gradient_step(tf.constant(1_000, tf.int64), replay))()
    assert all(np.array_equal(before[name], value) for name, value in snapshot(learner).items())


def test_other_names_are_refused():
    settings = config.preset("dqn")
    wrong = dataclasses.replace(settings.intervention, intervention="rebirth")
    with pytest.raises(UserError, match="'rebirth' is not one of none, redo, reset"):
        interventions.create(dataclasses.replace(settings, intervention=wrong), SimpleNamespace(), {})


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, interventions.NoIntervention),
        ({"regularizer": "l2_unit"}, interventions.NoIntervention),
        ({"regularizer": "weight_decay"}, interventions.WeightDecay),
        ({"regularizer": "weight_decay", "decay_coupled": True}, interventions.CoupledWeightDecay),
    ],
)
def test_regularizers(make_learner, changes, kind):
    assert type(make_learner(**changes).regularizer) is kind
