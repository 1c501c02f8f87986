"""Adam's moments of a variable, and new initial values of a layer's variables."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tf_pruned_rl import config
from tf_pruned_rl.environments import BoxSpec
from tf_pruned_rl.interventions import slots
from tf_pruned_rl.networks.noisy import NoisyDense
from tf_pruned_rl.training.learner import Learner


def test_moments_are_those_that_adam_updates(make_learner, replay):
    learner = make_learner(pruning="none")
    kernel = learner.agent.model.get_layer("dense").kernel
    first, second = slots.moments(learner.agent, kernel)
    assert not first.numpy().any() and not second.numpy().any()
    tf.function(lambda: learner.step(replay, replay.sample()))()
    mean, square = first.numpy().astype(np.float64), second.numpy().astype(np.float64)
    nonzero = mean != 0
    # After one step m = 0.1 g and v = 0.001 g^2.
    assert nonzero.any()
    np.testing.assert_allclose(square[nonzero], 0.001 * (10 * mean[nonzero]) ** 2, rtol=1e-4, atol=1e-30)


def test_each_of_several_optimizers_by_its_variables():
    tf_keras.utils.set_random_seed(0)
    agent = Learner(config.replace(config.preset("sac"), width=0.25), BoxSpec(3, (-2.0,), (2.0,))).agent
    optimizers = {
        name: {id(slots.optimizer_of(agent, variable)) for variable in model.trainable_variables}
        for name, model in agent.networks.items()
    }
    assert all(len(each) == 1 for each in optimizers.values())
    assert optimizers["actor"].isdisjoint(optimizers["critic_1"])
    with pytest.raises(LookupError, match="updates stranger"):
        slots.optimizer_of(agent, tf.Variable(0.0, name="stranger"))


@pytest.mark.parametrize("shape", [(40, 60), (3, 3, 20, 40)])
def test_glorot_uniform_has_the_published_spread(shape):
    kernel = slots.glorot_uniform(
        tf.random.Generator.from_seed(1, alg="philox"), tf.TensorShape(shape)
    ).numpy()
    field = np.prod(shape[:-2])
    limit = np.sqrt(6 / (field * (shape[-2] + shape[-1])))
    assert 0.98 * limit < kernel.max() <= limit and -limit <= kernel.min() < -0.98 * limit
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.05)
    assert abs(kernel.mean()) < 5 * limit / np.sqrt(3 * kernel.size)


def test_new_kernels_are_random_and_biases_zero():
    layer, generator = tf_keras.layers.Dense(6), tf.random.Generator.from_seed(1, alg="philox")
    layer.build((None, 4))
    layer.bias.assign(tf.ones(6))
    first, second = (slots.initial_value(generator, layer, layer.kernel).numpy() for _ in range(2))
    assert first.shape == (4, 6) and (first != second).all()
    assert not slots.initial_value(generator, layer, layer.bias).numpy().any()


def test_new_sigmas_have_the_layers_own_initial_value():
    layer, generator = NoisyDense(6), tf.random.Generator.from_seed(1, alg="philox")
    layer.build((None, 4))
    for variable in (layer.kernel_sigma, layer.bias_sigma):
        start = variable.numpy()
        variable.assign(tf.ones_like(variable))
        np.testing.assert_array_equal(slots.initial_value(generator, layer, variable), start)
    assert not slots.initial_value(generator, layer, layer.bias).numpy().any()
    assert slots.initial_value(generator, layer, layer.kernel).numpy().std() > 0.2
