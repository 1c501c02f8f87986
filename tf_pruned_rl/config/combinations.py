"""Which words of a configuration go together; known before TensorFlow is loaded."""

from __future__ import annotations

from tf_pruned_rl.errors import UserError

SPARSE_FROM_THE_START = ("static", "set", "rigl")
EXCHANGING = ("set", "rigl")


def block_sides(block: str) -> tuple[int, int]:
    """Returns (inputs, outputs) of a block such as ``16x1``.

    Raises:
      UserError: it is no such size.
    """
    sides = block.split("x")
    if len(sides) != 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise UserError(f"--block={block} is no size of a block: give inputs x outputs, as in 16x1 or 4x4")
    return int(sides[0]), int(sides[1])


def structure_of_dense(structure: str, dense_structure: str) -> str:
    """Returns the structure of dense layers."""
    return structure if dense_structure == "same" else dense_structure


def check_pruning(
    method: str,
    distribution: str,
    structure: str,
    sparsity: float,
    dense_structure: str = "same",
    dense_sparsity: float | None = None,
) -> None:
    """Checks that method, distribution and structure of pruning make sense together.

    Raises:
      UserError: they do not.
    """
    dense = structure_of_dense(structure, dense_structure)
    if distribution == "global" and method in SPARSE_FROM_THE_START:
        raise UserError(
            f"--pruning={method} fixes the layers' shares before anything is learned, so there is nothing "
            "that --distribution=global could compare: use erk or uniform"
        )
    if {structure, dense} != {"unstructured"} and method in EXCHANGING:
        raise UserError(
            f"--pruning={method} exchanges single weights: use --structure=unstructured, or another --pruning"
        )
    if {structure, dense} != {"unstructured"} and distribution == "global":
        raise UserError("--distribution=global compares single weights: use --structure=unstructured")
    if dense_sparsity is not None and distribution == "global":
        raise UserError("--distribution=global lets all layers compete: leave out --dense_sparsity")
    asked = [(structure, sparsity), (dense, sparsity if dense_sparsity is None else dense_sparsity)]
    if any(name == "n_m" and (distribution != "uniform" or share > 0.5) for name, share in asked):
        raise UserError(
            "--structure=n_m takes at most two weights of every four, in every layer alike: use "
            "--sparsity=0.5 (or less) --distribution=uniform"
        )
