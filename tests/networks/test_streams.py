"""Which channels belong together, in the networks that are there and in others."""

from __future__ import annotations

import tf_keras

from tf_pruned_rl.config import NetworkConfig
from tf_pruned_rl.networks import build, streams


def groups(model: tf_keras.Model) -> list[tuple[set[str], set[str], bool]]:
    """Returns (writers, readers, fixed) of each stream, in order."""
    return [
        ({layer.name for layer in stream.writers}, {layer.name for layer in stream.readers}, stream.fixed)
        for stream in dict.fromkeys(streams.find(model).values())
    ]


def test_the_residual_streams_of_impala():
    model = build(NetworkConfig(network="impala", width=0.25), num_actions=4, frame_shape=(16, 16, 4))
    expected: list = [(set(), {"stack1_conv"}, True)]
    following = {"1": "stack2_conv", "2": "stack3_conv", "3": "dense"}
    for number, reader in following.items():
        stack = f"stack{number}"
        firsts = {f"{stack}_block{block}_conv1" for block in (1, 2)}
        seconds = {f"{stack}_block{block}_conv2" for block in (1, 2)}
        expected.append(({f"{stack}_conv", *seconds}, {*firsts, reader}, False))
        expected += [
            ({f"{stack}_block{block}_conv1"}, {f"{stack}_block{block}_conv2"}, False) for block in (1, 2)
        ]
    expected += [({"dense"}, {"head"}, False), ({"head"}, set(), True), (set(), set(), True)]
    assert groups(model) == expected
    found = streams.find(model)
    assert found["flatten"] is found["relu"] is found["stack3_conv"] is found["stack3_block2_add"]
    assert found["stack3_conv"].channels == 8 and found["dense"].channels == 512


def test_both_heads_read_one_layer():
    settings = NetworkConfig(network="nature", width=0.25, dueling=True, noisy=True, regularizer="l2_unit")
    found = streams.find(build(settings, num_actions=4))
    assert {layer.name for layer in found["dense"].readers} == {"unit", "value", "advantage"}
    assert not found["dense"].fixed and found["value"].fixed and found["advantage"].fixed


def test_what_a_layer_of_another_kind_touches_is_fixed():
    layers = tf_keras.layers
    given = tf_keras.Input((6, 6, 2))
    first = layers.Conv2D(3, 1, name="first")(given)
    second = layers.Conv2D(3, 1, name="second")(given)
    third = layers.Conv2D(3, 1, activation=tf_keras.activations.softmax, name="third")(given)
    grouped = layers.Conv2D(3, 1, groups=3, name="grouped")(second)
    joined = layers.Add(name="sum")([layers.Concatenate()([first, third]), layers.Conv2D(6, 1)(given)])
    found = streams.find(tf_keras.Model(given, layers.Conv2D(1, 1)(layers.Add()([joined, joined]))))
    assert all(found[name].fixed for name in ("first", "third", "sum"))
    assert len(found["sum"].writers) == 1
    found = streams.find(tf_keras.Model(given, grouped))
    assert found["second"].fixed and not found["second"].readers
