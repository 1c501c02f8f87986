"""Which words of pruning go together: every combination there is."""

from __future__ import annotations

import itertools

import pytest

from tf_pruned_rl.config import combinations
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import DISTRIBUTIONS, PRUNING_METHODS, STRUCTURES

ALL = list(itertools.product(PRUNING_METHODS, DISTRIBUTIONS, STRUCTURES, (0.3, 0.5, 0.95)))


def accepted(*combination) -> bool:
    try:
        combinations.check_pruning(*combination)
    except UserError as error:
        message = str(error)
        assert "\n" not in message and "--" in message
        return False
    return True


def allowed(method: str, distribution: str, structure: str, sparsity: float) -> bool:
    """The same, from what each part is."""
    gradual = method in ("magnitude", "random")
    if distribution == "global":
        return gradual and structure == "unstructured"
    if structure in ("block", "channel"):
        return gradual or method == "static"
    if structure == "n_m":
        return (gradual or method == "static") and distribution == "uniform" and sparsity <= 0.5
    return True


@pytest.mark.parametrize("combination", ALL, ids=lambda words: "-".join(map(str, words)))
def test_every_combination(combination):
    assert accepted(*combination) == allowed(*combination)


@pytest.mark.parametrize("combination", ALL, ids=lambda words: "-".join(map(str, words)))
@pytest.mark.parametrize("dense", STRUCTURES)
def test_dense_layers_must_be_allowed_as_well(combination, dense):
    method, distribution, structure, sparsity = combination
    both = allowed(*combination) and allowed(method, distribution, dense, sparsity)
    assert accepted(*combination, dense) == both
    # With a share of their own each structure has its own sparsity.
    both = allowed(*combination) and allowed(method, distribution, dense, 0.4) and distribution != "global"
    assert accepted(*combination, dense, 0.4) == both


@pytest.mark.parametrize(
    ("combination", "says"),
    [
        (("set", "global", "unstructured", 0.9), "use erk or uniform"),
        (("rigl", "erk", "block", 0.9), "--structure=unstructured"),
        (("magnitude", "global", "block", 0.9), "--structure=unstructured"),
        (("magnitude", "uniform", "n_m", 0.6), "--sparsity=0.5"),
        (("magnitude", "erk", "n_m", 0.5), "--distribution=uniform"),
    ],
)
def test_a_refusal_says_what_to_do(combination, says):
    with pytest.raises(UserError, match=says):
        combinations.check_pruning(*combination)
