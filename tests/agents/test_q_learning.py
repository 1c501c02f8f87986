"""What DQN and Rainbow do alike: the gradient step and the target network."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

pytestmark = pytest.mark.parametrize("name", ["dqn", "rainbow"])


def _equal(agent) -> bool:
    pairs = zip(agent.model.variables, agent.target_model.variables, strict=True)
    return all(np.array_equal(a.numpy(), b.numpy()) for a, b in pairs)


def test_target_network_starts_equal_and_is_copied_exactly(make_agent, name: str) -> None:
    assert _equal(make_agent(name, same_target=True))
    agent = make_agent(name)
    assert not _equal(agent)
    before = agent.model.get_weights()
    tf.function(agent.update_target)()
    assert _equal(agent)
    assert all(np.array_equal(a, b) for a, b in zip(before, agent.model.get_weights(), strict=True))
    agent.model.variables[0].assign_add(tf.ones_like(agent.model.variables[0]))
    assert not _equal(agent)  # a copy, not the same variables


def test_no_gradient_reaches_the_target_network(make_agent, name: str, batch) -> None:
    agent = make_agent(name)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(agent.loss_per_example(batch)[0])
    gradients = tape.gradient(loss, agent.target_model.variables + agent.model.variables)
    half = len(gradients) // 2
    assert all(g is None for g in gradients[:half])
    assert all(g is not None for g in gradients[half:])


def test_steps_on_one_batch_lower_its_loss(make_agent, name: str, batch, weights) -> None:
    agent = make_agent(name, learning_rate=1e-3)
    step = tf.function(agent.train_step)
    target = agent.target_model.get_weights()
    losses = []
    for _ in range(30):
        q_values = agent.q_values(batch.observations).numpy()
        loss, per_example, statistics = step(batch, weights)
        np.testing.assert_allclose(loss, np.mean(weights * per_example), rtol=1e-5)
        assert set(statistics) == set(agent.STATISTICS) == {"q_mean", "q_max"}
        assert float(statistics["q_max"]) == pytest.approx(q_values.max(), rel=1e-5)
        assert float(statistics["q_mean"]) == pytest.approx(q_values.mean(), rel=1e-4, abs=1e-6)
        losses.append(float(loss))
    assert losses[-1] < 0.9 * losses[0]  # a cross-entropy cannot fall below the entropy of its targets
    assert agent.optimizer.iterations == 30
    assert all(np.array_equal(a, b) for a, b in zip(target, agent.target_model.get_weights(), strict=True))


def test_weights_of_zero_leave_a_transition_out(make_agent, name: str, batch) -> None:
    # The remaining transition alone, with the same share of the mean, makes the same step.
    agent, alone = make_agent(name), make_agent(name)
    agent.train_step(batch, tf.one_hot(3, 8))
    alone.train_step(type(batch)(*(x[3:4] for x in batch)), tf.constant([1 / 8]))
    for a, b in zip(agent.model.variables, alone.model.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=0, atol=0.01 * 6.25e-5)


def test_mixed_precision_keeps_losses_in_float32(make_agent, name: str, batch, weights) -> None:
    # Same seed, hence the same weights; bfloat16 leaves a few per cent of the loss.
    mixed, single = (make_agent(name, mixed_precision=m) for m in (True, False))
    loss, per_example, _ = mixed.train_step(batch, weights)
    expected, _, _ = single.train_step(batch, weights)
    assert loss.dtype == per_example.dtype == mixed.q_values(batch.observations).dtype == tf.float32
    assert {v.dtype for v in mixed.model.trainable_variables} == {tf.float32}
    assert float(loss) == pytest.approx(float(expected), rel=0.05)
    assert float(loss) != float(expected)


def test_a_step_computes_kernels_gradients_in_their_order(make_agent, name: str, batch, weights) -> None:
    graph = tf.function(make_agent(name, network="impala").train_step).get_concrete_function(batch, weights)
    operations = graph.graph.get_operations()
    filters = [op for op in operations if op.type == "Conv2DBackpropFilter" and op.outputs[0].consumers()]
    # Of 15 convolutions, in the order of the backward pass: stack 3 and the blocks of stack 2, each after
    # the one before it; those on larger images after the last of these; the first one when it likes.
    assert len(filters) == 15
    # What a gradient is told to wait for, its first operation (the shape of its inputs) waits for.
    waits = [
        {op.name for first in (each, *(x.op for x in each.inputs)) for op in first.control_inputs}
        for each in filters
    ]
    assert waits[1:9] == [{each.name} for each in filters[:8]]
    assert waits[9:14] == [{filters[8].name}] * 5
    assert not waits[14]
    # Dense layers' come first of all.
    (dense,) = (op for op in operations if {op.name} == waits[0])
    assert dense.type == "MatMul" and len(dense.control_inputs) == 2


def test_acting_beside_a_step_reads_the_forward_passs_casts(make_agent, name: str, batch, weights) -> None:
    agent = make_agent(name, mixed_precision=True)

    def casts(concurrent_ops) -> int:
        step = tf.function(lambda: agent.train_step(batch, weights, concurrent_ops)).get_concrete_function()
        operations = step.graph.get_operations()
        return sum(o.type == "Cast" and o.inputs[0].op.type == "ReadVariableOp" for o in operations)

    def act(state) -> None:
        agent.exploring_q_values(batch.observations, state)

    assert casts(act) == casts(lambda state: None) > 0
