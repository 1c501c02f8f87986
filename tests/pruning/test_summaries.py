"""Parameters and multiply-accumulates, against the published table and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tf_keras

from tf_pruned_rl import networks
from tf_pruned_rl.config import NetworkConfig
from tf_pruned_rl.pruning import kernels, summaries
from tf_pruned_rl.pruning.distribution import erk


@pytest.mark.parametrize(
    ("width", "parameters", "macs", "left"),
    [(1, 2.09, 55, 0.24), (3, 6.83, 461, 0.096), (5, 12.34, 1259, 0.064)],
)
def test_published_totals_of_the_resnet(width: int, parameters: float, macs: float, left: float) -> None:
    model = networks.build(NetworkConfig(width=float(width)), num_actions=18)
    of_model = kernels.find(model)
    assert sum(kernel.size for kernel in of_model) / 1e6 == pytest.approx(parameters, abs=0.0051)
    total = sum(kernel.macs for kernel in of_model)
    assert total / 1e6 == pytest.approx(macs, abs=0.51)
    shares = erk({kernel.name: kernel.shape for kernel in of_model}, 0.95)
    assert sum(k.macs * (1 - shares[k.name]) for k in of_model) / total == pytest.approx(left, rel=0.02)


def _two_kernels() -> list[kernels.Kernel]:
    model = tf_keras.Sequential(
        [
            tf_keras.layers.Conv2D(2, 3, name="conv", input_shape=(5, 6, 1)),
            tf_keras.layers.Flatten(),
            tf_keras.layers.Dense(2, name="head"),
        ]
    )
    conv_kernel, head_kernel = kernels.find(model)
    conv = np.ones((3, 3, 1, 2), np.float32)
    conv[0] = 0.0
    conv_kernel.variable.assign(conv)
    head_kernel.variable.assign(np.ones((24, 2), np.float32))
    return [conv_kernel, head_kernel]


def test_table_by_hand() -> None:
    rows = summaries.table(_two_kernels())
    assert rows[0] == {
        "layer": "conv",
        "shape": (3, 3, 1, 2),
        "parameters": 18,
        "nonzero": 12,
        "sparsity": pytest.approx(1 / 3),
        "macs": 18 * 12,
        "macs_left": 12 * 12,
    }
    assert rows[1]["macs_left"] == rows[1]["macs"] == 48
    total = summaries.total(rows)
    assert (total["layer"], total["parameters"], total["nonzero"]) == ("total", 66, 60)
    assert (total["macs"], total["macs_left"]) == (264, 192)
    assert total["sparsity"] == pytest.approx(6 / 66)


def test_scalars_by_hand() -> None:
    values = summaries.scalars(_two_kernels(), {"conv": 0.5, "head": 0.25}, {"conv": 0.1, "head": 0.2})
    assert values["sparsity/target"] == pytest.approx((9 + 12) / 66)
    assert values["sparsity/total"] == pytest.approx(6 / 66)
    assert values["sparsity/conv"] == pytest.approx(1 / 3)
    assert values["target/head"] == 0.25
    assert values["threshold/head"] == 0.2
    assert values["parameters_left/total"] == 60.0
    assert values["parameters_left/conv"] == 12.0
    assert values["macs_left/total"] == 192.0
    assert values["macs_left/conv"] == 144.0
    assert all(type(value) is float for value in values.values())
