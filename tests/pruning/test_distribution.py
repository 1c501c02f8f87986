"""Uniform and ERK shares, against the published tables and the equations themselves."""

from __future__ import annotations

import math

import pytest

from tf_pruned_rl.errors import UserError
from tf_pruned_rl.pruning.distribution import erk, kernel_sparsities, uniform

# The tables were rounded to four digits and then to three.
TABLE = 5.6e-4


def _impala(width: int, actions: int, atoms: int = 1) -> dict[str, tuple[int, ...]]:
    """The kernels of the paper's ResNet: stacks of 16, 32, 32 channels, two residual blocks each."""
    shapes: dict[str, tuple[int, ...]] = {}
    before = 4
    for stack, channels in enumerate((16 * width, 32 * width, 32 * width)):
        shapes[f"stack{stack}/first"] = (3, 3, before, channels)
        shapes |= {f"stack{stack}/residual{i}": (3, 3, channels, channels) for i in range(4)}
        before = channels
    return shapes | {"dense": (11 * 11 * before, 512), "head": (512, actions * atoms)}


def _nature(width: int, actions: int) -> dict[str, tuple[int, ...]]:
    a, b = 32 * width, 64 * width
    return {
        "conv1": (8, 8, 4, a),
        "conv2": (4, 4, a, b),
        "conv3": (3, 3, b, b),
        "dense": (11 * 11 * b, 512),
        "head": (512, actions),
    }


# first conv, stack-1 residual convs, stack-2 first conv, all 32w -> 32w convs, dense, head; 6 actions.
_IMPALA = {
    (0.80, 1): (0, 0, 0.067, 0.395, 0.824, 0),
    (0.80, 3): (0, 0.538, 0.660, 0.776, 0.808, 0),
    (0.80, 5): (0, 0.701, 0.778, 0.853, 0.792, 0),
    (0.90, 1): (0, 0.353, 0.541, 0.702, 0.913, 0),
    (0.90, 3): (0, 0.770, 0.831, 0.888, 0.905, 0),
    (0.90, 5): (0, 0.851, 0.889, 0.927, 0.896, 0),
    (0.95, 1): (0.130, 0.682, 0.774, 0.854, 0.957, 0),
    (0.95, 3): (0.219, 0.886, 0.916, 0.944, 0.953, 0),
    (0.95, 5): (0.194, 0.926, 0.945, 0.964, 0.948, 0),
    (0.99, 1): (0.837, 0.940, 0.958, 0.973, 0.992, 0.390),
    (0.99, 3): (0.848, 0.978, 0.984, 0.989, 0.991, 0.235),
    (0.99, 5): (0.842, 0.985, 0.989, 0.993, 0.990, 0.145),
}


@pytest.mark.parametrize(("sparsity", "width"), _IMPALA)
def test_erk_equals_the_impala_table(sparsity: float, width: int) -> None:
    got = erk(_impala(width, 6), sparsity)
    names = ("stack0/first", "stack0/residual0", "stack1/first", "stack2/first", "dense", "head")
    assert [got[name] for name in names] == pytest.approx(_IMPALA[sparsity, width], abs=TABLE)
    assert got["stack0/residual3"] == got["stack0/residual0"]
    assert got["stack1/residual0"] == got["stack2/residual3"] == got["stack2/first"]


@pytest.mark.parametrize(
    ("sparsity", "width", "kept"),
    [
        (0.95, 1, 104_152),
        (0.95, 3, 341_160),
        (0.95, 5, 616_871),
        (0.99, 1, 20_839),
        (0.99, 3, 68_240),
        (0.99, 5, 123_380),
        (0.90, 1, 208_294),
        (0.90, 3, 682_320),
        (0.90, 5, 1_233_746),
    ],
)
def test_erk_keeps_the_published_number_of_weights(sparsity: float, width: int, kept: int) -> None:
    shapes = _impala(width, 6)
    got = erk(shapes, sparsity)
    # Rounded per kernel here, once there: within one weight for each of the 17 kernels.
    total = sum(max(1, round(math.prod(shape) * (1 - got[name]))) for name, shape in shapes.items())
    assert abs(total - kept) <= len(shapes)


@pytest.mark.parametrize(
    ("width", "first", "head", "dense"),
    [(1, 0.168, 0.904, 0.959), (3, 0.237, 0.881, 0.954), (5, 0.207, 0.868, 0.949)],
)
def test_erk_with_a_distributional_head(width: int, first: float, head: float, dense: float) -> None:
    got = erk(_impala(width, 6, atoms=51), 0.95)
    assert [got["stack0/first"], got["head"], got["dense"]] == pytest.approx([first, head, dense], abs=TABLE)


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (1, (0.852, 0.926, 0.915, 0.952, 0)),
        (3, (0.880, 0.975, 0.970, 0.949, 0)),
        (5, (0.883, 0.984, 0.981, 0.947, 0)),
    ],
)
def test_erk_equals_the_nature_figures(width: int, expected: tuple[float, ...]) -> None:
    assert list(erk(_nature(width, 6), 0.95).values()) == pytest.approx(expected, abs=TABLE)


def test_erk_by_hand() -> None:
    # Raw (10+10)/100 = 0.2 and (10+90)/900 = 1/9; (1 - 0.5) * 1000 = scale * (20 + 100), scale = 25/6.
    assert erk({"a": (10, 10), "b": (10, 90)}, 0.5) == pytest.approx({"a": 1 - 5 / 6, "b": 1 - 25 / 54})


def test_uniform_and_zero() -> None:
    shapes = _impala(1, 6)
    assert set(uniform(shapes, 0.9).values()) == {0.9}
    for name in ("uniform", "erk"):
        assert list(kernel_sparsities(name, shapes, 0.0).values()) == pytest.approx([0.0] * len(shapes))
    assert kernel_sparsities("erk", {"tiny": (1, 2)}, 0.1) == {"tiny": pytest.approx(0.0)}


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, 1.5, float("nan")])
def test_refuses_a_sparsity_out_of_range(sparsity: float) -> None:
    with pytest.raises(UserError, match="sparsity is"):
        kernel_sparsities("erk", {"a": (10, 10)}, sparsity)


def test_refuses_an_unknown_distribution() -> None:
    with pytest.raises(UserError, match="is not one of erk, uniform, global"):
        kernel_sparsities("layerwise", {"a": (10, 10)}, 0.5)


def test_dense_layers_may_have_a_sparsity_of_their_own():
    shapes = {"conv": (3, 3, 4, 16), "dense": (400, 64), "conv2": (3, 3, 16, 8), "head": (64, 6)}
    sparsities = kernel_sparsities("erk", shapes, 0.8, 0.95)
    assert list(sparsities) == list(shapes)
    convolutions = {name: shapes[name] for name in ("conv", "conv2")}
    dense = {name: shapes[name] for name in ("dense", "head")}
    assert sparsities == {
        **kernel_sparsities("erk", convolutions, 0.8),
        **kernel_sparsities("erk", dense, 0.95),
    }
    assert sparsities != kernel_sparsities("erk", shapes, 0.8)
    assert kernel_sparsities("uniform", shapes, 0.8, 0.0) == {
        "conv": 0.8,
        "dense": 0.0,
        "conv2": 0.8,
        "head": 0.0,
    }
    with pytest.raises(UserError, match="sparsity is 1"):
        kernel_sparsities("uniform", shapes, 0.8, 1.0)
