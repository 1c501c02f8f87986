"""The replay is made and works on the processor, whatever else TensorFlow sees."""

from __future__ import annotations

import pytest
import tensorflow as tf

from tf_pruned_rl import config, replay
from tf_pruned_rl.environments import BoxSpec

_FREE = {"Const", "NoOp", "Placeholder", "Identity", "ReadVariableOp"}
"""Operations that need not be placed: they cost nothing, or are where their variable is."""


def _operations(graph: tf.Graph) -> list[tuple[str, str, str]]:
    """Returns (type, name, device) of all operations, those of branches and loops included.

    What XLA compiles is left out: it runs where it is called.
    """
    described = graph.as_graph_def()
    parts = [one for one in described.library.function if not one.attr["_XlaMustCompile"].b]
    nodes = [*described.node, *(node for one in parts for node in one.node_def)]
    return [(node.op, node.name, node.device) for node in nodes]


def _elsewhere(function: tf.types.experimental.ConcreteFunction) -> list[tuple[str, str, str]]:
    return [each for each in _operations(function.graph) if each[0] not in _FREE and "CPU:0" not in each[2]]


def _frames(buffer: replay.Replay) -> None:
    frames = tf.zeros([1, 84, 84], tf.uint8)
    buffer.add(frames, tf.zeros([1], tf.int32), tf.ones([1]), *(tf.zeros([1], tf.bool) for _ in range(2)))


def _vectors(buffer: replay.Replay) -> None:
    vector, never = tf.zeros([1, 2]), tf.zeros([1], tf.bool)
    buffer.add(vector, tf.zeros([1, 1]), tf.ones([1]), never, never, vector)


@pytest.mark.parametrize(
    ("agent", "spec", "add"),
    [("dqn", None, _frames), ("rainbow", None, _frames), ("sac", BoxSpec(2, (-1.0,), (1.0,)), _vectors)],
)
def test_every_operation_is_placed_on_the_processor(agent, spec, add):
    made = replay.create(config.replace(config.preset(agent), replay_capacity=50), spec)

    @tf.function
    def use() -> tf.Tensor:
        add(made)
        batch = made.sample()
        made.update_priorities(batch.indices, made.importance_weights(batch))
        return batch.returns

    # What is built beside it is not placed: the decorator does what the test sees.
    assert _elsewhere(tf.function(lambda: tf.random.uniform([])).get_concrete_function())
    function = use.get_concrete_function()
    # The test's own tensors begin with their maker's name.
    assert [each for each in _elsewhere(function) if not each[1].startswith(("zeros", "ones"))] == []
    assert all("CPU:0" in variable.device for variable in function.variables)
