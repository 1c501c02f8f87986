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


@pytest.mark.parametrize("word", KINDS)
def test_the_word_makes_the_kind(make_learner, word):
    made = make_learner(intervention=word).intervention
    assert type(made) is KINDS[word] and isinstance(made, interventions.Intervention)
    assert bool(made.trackables()) == (word != "none")


def test_none_leaves_everything_as_it_is(make_learner, replay, snapshot):
    learner = make_learner()
    before = snapshot(learner)
    for each in (learner.intervention, learner.regularizer):
        tf.function(lambda each=each: each.after_gradient_step(tf.constant(1_000, tf.int64), replay))()
    assert all(np.array_equal(before[name], value) for name, value in snapshot(learner).items())


def test_other_words_are_refused():
    settings = config.preset("dqn")
    wrong = dataclasses.replace(settings.intervention, intervention="rebirth")
    with pytest.raises(UserError, match="rebirth.*choose one of none, redo, reset"):
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
